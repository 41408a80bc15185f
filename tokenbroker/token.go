package tokenbroker

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"
)

// maxToken is above any header that IIS accepts (16 KiB by default) and below what would hurt us.
const maxToken = 64 << 10

var (
	errEmptyToken   = errors.New("token is empty")
	errLongToken    = errors.New("token is over 64 KiB")
	errControlToken = errors.New("token holds a control character")
	errSpaceToken   = errors.New("token begins or ends with a space")
)

// Token is a secret that a server takes in place of a password. Whatever prints, logs or encodes a Token, or a value
// that holds one, shows no secret. The zero Token holds none and is never handed out.
type Token struct {
	// reveal holds the secret in a closure: fmt calls no methods on unexported fields and encoders follow pointers, but
	// neither can look into a function.
	reveal  func() string
	expires time.Time
	print   digest
}

// NewToken wraps a secret. expires is when the server stops taking it; zero means not known, and then the "exp" claim
// counts if the secret reads as a JWT. It refuses an empty secret, control characters, a space at either end (a header
// field loses it) and more than 64 KiB. No error holds the secret.
func NewToken(secret string, expires time.Time) (Token, error) {
	switch {
	case secret == "":
		return Token{}, errEmptyToken
	case len(secret) > maxToken:
		return Token{}, errLongToken
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Token{}, errControlToken
	case secret[0] == ' ' || secret[len(secret)-1] == ' ':
		return Token{}, errSpaceToken
	}
	if expires.IsZero() {
		expires = jwtExpiry(secret)
	}
	return Token{reveal: func() string { return secret }, expires: expires, print: digestOf(secret)}, nil
}

// Expires is when the token ends; zero means that it is not known.
func (t Token) Expires() time.Time { return t.expires }

// Fingerprint tells tokens apart in logs and status: 8 hexadecimal digits that say nothing about the secret and differ
// from one run of the program to the next. The zero Token has none ("").
func (t Token) Fingerprint() string {
	if t.reveal == nil {
		return ""
	}
	return hex.EncodeToString(t.print[:4])
}

// expired reports whether the token has ended. A token of unknown expiry has not.
func (t Token) expired(now time.Time) bool { return !t.expires.IsZero() && !now.Before(t.expires) }

// withExpiry is t with expires in place of an unknown expiry.
func (t Token) withExpiry(expires time.Time) Token {
	if t.expires.IsZero() {
		// Wall time only: the monotonic clock stands still while a machine sleeps, and the token ages.
		t.expires = expires.Round(0)
	}
	return t
}

// digest identifies a secret without holding it.
type digest [sha256.Size]byte

// fingerprintKey makes fingerprints useless outside this process. It is a constant of the process, chosen on first use:
// Fingerprint has no other place to take it from.
var fingerprintKey = sync.OnceValue(func() [32]byte {
	var key [32]byte
	rand.Read(key[:]) // never fails, see crypto/rand
	return key
})

func digestOf(secret string) (d digest) {
	key := fingerprintKey()
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(secret))
	mac.Sum(d[:0])
	return d
}
