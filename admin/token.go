package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
)

// minToken is the least length of an admin token in bytes: a word that somebody thought of is too short.
const minToken = 16

// Token is the secret that whoever changes something must show. It cannot be printed, and the secret itself is not kept.
type Token struct {
	salt   [16]byte
	digest [sha256.Size]byte
}

// NewToken wraps a secret of at least 16 printable characters without spaces. No error holds the secret.
func NewToken(secret string) (Token, error) {
	if len(secret) < minToken {
		return Token{}, fmt.Errorf("the token is shorter than %d characters", minToken)
	}
	for i := range len(secret) {
		if secret[i] <= ' ' || secret[i] > '~' {
			return Token{}, fmt.Errorf("the token has a character that a request header cannot carry")
		}
	}
	var t Token
	rand.Read(t.salt[:])
	t.digest = t.sum(secret)
	return t, nil
}

func (t Token) sum(secret string) [sha256.Size]byte {
	return sha256.Sum256(append(t.salt[:len(t.salt):len(t.salt)], secret...))
}

func (t Token) set() bool { return t != Token{} }

// matches takes the same time for every wrong secret of one length, so that the right one cannot be felt out.
func (t Token) matches(secret string) bool {
	sum := t.sum(secret)
	return t.set() && subtle.ConstantTimeCompare(sum[:], t.digest[:]) == 1
}

// Format prints "redacted" for every verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "redacted") }

// MarshalText encodes "redacted".
func (Token) MarshalText() ([]byte, error) { return []byte("redacted"), nil }
