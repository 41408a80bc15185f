package ccm

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// maxSecret is above any header that IIS takes (16 KiB by default).
const maxSecret = 64 << 10

var errSecret = errors.New("a token is 1 byte to 64 KiB of printable ASCII that neither begins nor ends with a space")

// Secret is a text that nothing prints: not fmt with any verb, not slog, not JSON. The zero Secret is empty.
type Secret struct {
	// reveal keeps the text in a closure: fmt and encoders do not look into functions.
	reveal func() string
}

// NewSecret wraps a text. It must be fit for a header field: printable ASCII without spaces at its ends, at most 64 KiB.
// No error holds it.
func NewSecret(text string) (Secret, error) {
	strange := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if text == "" || len(text) > maxSecret || strange || strings.TrimSpace(text) != text {
		return Secret{}, errSecret
	}
	return Secret{reveal: func() string { return text }}, nil
}

// Reveal is the text itself. Take care where it goes.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero tells whether there is no text.
func (s Secret) IsZero() bool { return s.reveal == nil }

const redacted = "redacted"

var (
	_ fmt.Formatter          = Secret{}
	_ fmt.Stringer           = Secret{}
	_ fmt.GoStringer         = Secret{}
	_ slog.LogValuer         = Secret{}
	_ json.Marshaler         = Secret{}
	_ encoding.TextMarshaler = Secret{}
)

// Format prints "redacted" for every verb and flag.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String returns "redacted".
func (Secret) String() string { return redacted }

// GoString returns "redacted".
func (Secret) GoString() string { return redacted }

// LogValue returns "redacted".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns the JSON string "redacted".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "redacted".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Token is a secret that a server takes for a time. It prints as its Secret does, all of it.
type Token struct {
	Secret
	// Expires is when servers stop taking it. Zero: not known.
	Expires time.Time
}

// NewToken wraps a token. The expiry is the earlier one of what is given and of what the token says itself if it reads as
// a JWT; zero is not known.
func NewToken(text string, expires time.Time) (Token, error) {
	secret, err := NewSecret(text)
	if err != nil {
		return Token{}, err
	}
	return Token{Secret: secret, Expires: sooner(expires, jwtExpiry(text))}, nil
}

// sooner is the earlier time. Zero is no time.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
