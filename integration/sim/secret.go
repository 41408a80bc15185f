package sim

import (
	"fmt"
	"io"
)

// Secret is a token or a password. However it is printed, logged or marshalled, it does not show itself: the text sits
// behind a pointer, so that a dump of a struct that holds a Secret shows an address at most.
type Secret struct{ text *string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text. The zero Secret is empty.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty says whether there is no text.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, "[secret]") // a fmt.State has no error that could be reported from here
}

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
