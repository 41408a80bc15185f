package tokenbroker

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// placeholder is where the token goes in a format.
const placeholder = "{token}"

// Presentation is how a token travels in a request. Which header a CM client uses towards a DP's CCMTOKENAUTH
// directories is not public, so all of it is a setting and the defaults are a guess: the form that CM's AdminService
// documents for its own tokens. The zero value is the default; use values that Validate accepts.
type Presentation struct {
	// HeaderName is the header field that carries the token. Empty is "Authorization".
	HeaderName string
	// HeaderFormat is the field's value, with "{token}" exactly once. Empty is "Bearer {token}". Text before the token is
	// matched without regard to case, as authentication schemes are (RFC 9110 section 11.1).
	HeaderFormat string
}

// Apply sets the field of the presentation on h, in place of whatever h had under its name. The zero Token sets nothing.
func (p Presentation) Apply(t Token, h http.Header) {
	if t.reveal == nil {
		return
	}
	h.Set(p.name(), strings.Replace(p.format(), placeholder, t.reveal(), 1))
}

// Extract returns the token that h carries under HeaderName. It is false when there is none, when there are several (no
// telling which one counts), and when NewToken refuses it. The expiry is that of NewToken for an unknown one.
func (p Presentation) Extract(h http.Header) (Token, bool) {
	var found string
	for _, value := range h.Values(p.name()) {
		secret, ok := p.match(value)
		if ok && found != "" {
			return Token{}, false
		}
		if ok {
			found = secret
		}
	}
	t, err := NewToken(found, time.Time{})
	return t, err == nil
}

// Carries reports whether h has a field of the form of the presentation, well-formed or not: whether its sender means
// to be known by a token. An Authorization field of another scheme does not count.
func (p Presentation) Carries(h http.Header) bool {
	for _, value := range h.Values(p.name()) {
		if _, ok := p.match(value); ok {
			return true
		}
	}
	return false
}

// match takes the token out of a field value of the right form.
func (p Presentation) match(value string) (secret string, ok bool) {
	before, after, _ := strings.Cut(p.format(), placeholder)
	if len(value) <= len(before)+len(after) || !strings.EqualFold(value[:len(before)], before) {
		return "", false
	}
	secret, ok = strings.CutSuffix(value[len(before):], after)
	if strings.HasSuffix(before, " ") {
		secret = strings.TrimLeft(secret, " ") // RFC 9110 section 11.4 lets several spaces follow the scheme
	}
	return secret, ok && secret != ""
}

func (p Presentation) name() string {
	if p.HeaderName == "" {
		return "Authorization"
	}
	return p.HeaderName
}

func (p Presentation) format() string {
	if p.HeaderFormat == "" {
		return "Bearer " + placeholder
	}
	return p.HeaderFormat
}

// Validate says what is wrong with a presentation. Which fields have a meaning of their own, and so cannot carry a token, is
// for the configuration to know.
func (p Presentation) Validate() error {
	if !httpguts.ValidHeaderFieldName(p.name()) {
		return fmt.Errorf("token header: %q is no name for a header field", p.name())
	}
	if strings.Count(p.format(), placeholder) != 1 || !printable(p.format()) {
		return fmt.Errorf("token header format %q must be printable and hold %s exactly once", p.HeaderFormat, placeholder)
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
