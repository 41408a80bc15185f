package ccm

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// placeholder is where a token goes in a format.
const placeholder = "{token}"

// Presentation is how a token travels in a request. Which header CM uses is not public: client logs only say "Appending
// CCM Token to the header". The default is the form that Microsoft's samples use for the administration service behind
// the same gateways. Other candidates: another scheme, the token without a scheme, a header of CM's own.
type Presentation struct {
	// Header is the name of the field. Empty is "Authorization".
	Header string
	// Format is its value, with "{token}" exactly once. Empty is "Bearer {token}".
	Format string
}

func (p Presentation) withDefaults() Presentation {
	if p.Header == "" {
		p.Header = "Authorization"
	}
	if p.Format == "" {
		p.Format = "Bearer " + placeholder
	}
	return p
}

// Validate says what is wrong with the settings.
func (p Presentation) Validate() error {
	p = p.withDefaults()
	if !httpguts.ValidHeaderFieldName(p.Header) {
		return fmt.Errorf("token header: %q is no name for a header field", p.Header)
	}
	return validFormat(p.Format)
}

// validFormat checks a text that a token is put into.
func validFormat(format string) error {
	if strings.Count(format, placeholder) != 1 || !httpguts.ValidHeaderFieldValue(format) {
		return errors.New("token format: it must be printable and hold " + placeholder + " exactly once")
	}
	return nil
}

// apply shows t in h.
func (p Presentation) apply(t Token, h http.Header) {
	p = p.withDefaults()
	h[p.Header] = []string{strings.Replace(p.Format, placeholder, t.Reveal(), 1)}
}
