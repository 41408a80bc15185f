package entra

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// SignIn is what somebody has to do before there are tokens: open the page in any browser, and enter the code there. Neither
// is a secret: who enters the code lends this machine his own account.
type SignIn struct {
	// URL is the page.
	URL string `json:"url"`
	// Code is to be entered there.
	Code string `json:"code"`
	// Until is when the code ends.
	Until time.Time `json:"until"`
}

// newSignIn refuses what is not fit to be shown.
func newSignIn(page, code string, until time.Time) (SignIn, error) {
	u, err := url.Parse(page)
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	if err != nil || u.Scheme != "https" || u.Host == "" || len(page) > 256 || strings.ContainsFunc(page, strange) ||
		code == "" || len(code) > 32 || strings.ContainsFunc(code, strange) {
		return SignIn{}, fmt.Errorf("%w: its page or code for a sign-in cannot be shown", ErrStrange)
	}
	return SignIn{page, code, until.UTC().Truncate(time.Second)}, nil
}

// String tells people what to do.
func (s SignIn) String() string {
	return fmt.Sprintf("open %s and enter the code %s until %s", s.URL, s.Code, s.Until.Format(time.RFC3339))
}

// waiting is the error of who wants a token before somebody has signed in.
type waiting struct{ SignIn }

// Error tells what to do.
func (w waiting) Error() string { return ErrSignIn.Error() + ": " + w.SignIn.String() }

// Unwrap is ErrSignIn.
func (waiting) Unwrap() error { return ErrSignIn }
