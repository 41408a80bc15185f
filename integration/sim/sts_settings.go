package sim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// TokenCarriage is the part of a request that carries a token.
type TokenCarriage uint8

const (
	// CarryInHeader is a header field.
	CarryInHeader TokenCarriage = iota
	// CarryInBody is the body.
	CarryInBody
	tokenCarriages = iota
)

// UnmarshalText implements encoding.TextUnmarshaler for "header" and "body".
func (c *TokenCarriage) UnmarshalText(text []byte) error {
	names := []string{"header", "body"}
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("there is no carriage %q, but %v", text, names)
	}
	*c = TokenCarriage(i)
	return nil
}

// ExpiryForm is how a service writes down when a token ends.
type ExpiryForm uint8

const (
	// ExpiryUnix is seconds since 1970.
	ExpiryUnix ExpiryForm = iota
	// ExpiryTime is like "2024-01-02T03:04:05Z".
	ExpiryTime
	// ExpiryLeft is the seconds that are left.
	ExpiryLeft
	expiryForms = iota
)

// STSSettings is how a token service talks. Public are the sizes of what goes in and out, about one JWT each way, and how long
// a token is good; the rest is made up. All of it can be changed while it serves; see TokenService.Change.
type STSSettings struct {
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Path is where it is asked, in any letter case. Empty means "/CCM_STS".
	Path string
	// Method is the verb. Empty means GET, and POST with CarryInBody.
	Method string
	// Carriage of the token that is shown.
	Carriage TokenCarriage
	// Header that carries it. Empty means "Authorization".
	Header string
	// Format of the header's value or of the body, with "{token}" in it. Empty means "Bearer {token}" in a header, and the
	// token alone in a body.
	Format string
	// Reply is where the answer has the CCM token: "body", "json:" and names with dots between them, "xml:" and a path like
	// "Reply/Token" or "Reply/Token/@Value", or "header:" and a name. Empty means "body".
	Reply string
	// Expiry is where the answer says when the token ends, in the same way. Empty says it nowhere: the token does.
	Expiry string
	// ExpiryForm is how.
	ExpiryForm ExpiryForm
	// Audience that the tokens of Entra must have. Empty means "https://ConfigMgrService".
	Audience string
	// Life of a CCM token. Zero means 8 hours (memdocs "azure-ccmsetup").
	Life time.Duration
	// Skew is how far the clock that dates CCM tokens is ahead of Now; negative, how far it is behind.
	Skew time.Duration
	// Tolerance is how far the times in a token that is shown may be off. Zero means 5 minutes, which is what
	// Microsoft.IdentityModel allows; negative means none.
	Tolerance time.Duration
}

// complete checks the settings and fills in what zero stands for.
func (s STSSettings) complete() (STSSettings, error) {
	method, format := http.MethodGet, "Bearer {token}"
	if s.Carriage == CarryInBody {
		method, format = http.MethodPost, "{token}"
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.Path = cmp.Or(s.Path, "/CCM_STS")
	s.Method = cmp.Or(s.Method, method)
	s.Header = cmp.Or(s.Header, "Authorization")
	s.Format = cmp.Or(s.Format, format)
	s.Reply = cmp.Or(s.Reply, "body")
	s.Audience = cmp.Or(s.Audience, EntraResource)
	s.Life = cmp.Or(s.Life, 8*time.Hour)
	s.Tolerance = cmp.Or(s.Tolerance, 5*time.Minute)
	switch {
	case s.Carriage >= tokenCarriages || s.ExpiryForm >= expiryForms:
		return s, errors.New("there is no such carriage or form of expiry")
	case s.Carriage == CarryInBody && (s.Method == http.MethodGet || s.Method == http.MethodHead):
		return s, fmt.Errorf("%s has no body that could carry a token", s.Method)
	case !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, "?#"):
		return s, fmt.Errorf("%q is no path", s.Path)
	case strings.Count(s.Format, "{token}") != 1:
		return s, fmt.Errorf("the format %q has not one {token}", s.Format)
	case s.Life < 0:
		return s, errors.New("the life of a token cannot be negative")
	}
	return s, s.checkAnswer()
}

// checkAnswer writes an answer, to see whether token and expiry have room in it together.
func (s STSSettings) checkAnswer() error {
	_, err := s.answer(http.Header{}, "token", time.Time{}, time.Time{})
	return err
}
