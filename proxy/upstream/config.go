package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"branchpoint/proxy/content"
)

// learnedPrefix begins the hierarchy of a host that is not configured. No configured hierarchy may begin so: otherwise a
// client could name a host like a hierarchy and put its own files there.
const learnedPrefix = "host:"

// withDefaults returns c with every zero replaced, or all that is wrong with it.
func (c Config) withDefaults() (Config, error) {
	err := errors.Join(c.checkDurations(), c.checkCounts())
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.HeaderTimeout = cmp.Or(c.HeaderTimeout, 15*time.Second)
	c.StallTimeout = cmp.Or(c.StallTimeout, 20*time.Second)
	c.GiveUpAfter = cmp.Or(c.GiveUpAfter, 2*time.Minute)
	c.CoolDown = cmp.Or(c.CoolDown, 10*time.Second)
	c.CoolDownMax = cmp.Or(c.CoolDownMax, max(5*time.Minute, c.CoolDown))
	c.RememberAuth = cmp.Or(c.RememberAuth, 10*time.Minute)
	c.FailuresToOpen = cmp.Or(c.FailuresToOpen, 3)
	c.MaxConnsPerHost = cmp.Or(c.MaxConnsPerHost, 32)
	c.MaxLearned = cmp.Or(c.MaxLearned, 256)
	c.MaxContents = cmp.Or(c.MaxContents, 4096)
	c.TokenEndpointPort = cmp.Or(c.TokenEndpointPort, 443)
	if len(c.TokenVdirs) == 0 {
		c.TokenVdirs = []content.Vdir{content.TokenAuth}
	}
	if len(c.CredentialHeaders) == 0 {
		c.CredentialHeaders = []string{"Authorization"}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.CoolDownMax < c.CoolDown {
		err = errors.Join(err, errors.New("CoolDownMax is shorter than CoolDown"))
	}
	return c, err
}

func (c Config) checkDurations() error {
	var errs []error
	for _, d := range []struct {
		name string
		is   time.Duration
	}{
		{"ConnectTimeout", c.ConnectTimeout}, {"HeaderTimeout", c.HeaderTimeout}, {"StallTimeout", c.StallTimeout},
		{"GiveUpAfter", c.GiveUpAfter}, {"CoolDown", c.CoolDown}, {"CoolDownMax", c.CoolDownMax},
		{"RememberAuth", c.RememberAuth},
	} {
		if d.is < 0 {
			errs = append(errs, fmt.Errorf("%s is %v: it cannot be negative", d.name, d.is))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkCounts() error {
	var errs []error
	for _, n := range []struct {
		name string
		is   int
	}{
		{"FailuresToOpen", c.FailuresToOpen}, {"MaxConnsPerHost", c.MaxConnsPerHost}, {"MaxLearned", c.MaxLearned},
		{"MaxContents", c.MaxContents}, {"TokenEndpointPort", c.TokenEndpointPort},
	} {
		if n.is < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it cannot be negative", n.name, n.is))
		}
	}
	if c.TokenEndpointPort > 65535 {
		errs = append(errs, fmt.Errorf("a TokenEndpointPort of %d: no such port", c.TokenEndpointPort))
	}
	if strings.ContainsFunc(c.Via, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		errs = append(errs, errors.New("the Via holds a control character"))
	}
	return errors.Join(errs...)
}

// endpoint is where a request goes. The host is one of content.HostPort.
type endpoint struct{ scheme, host string }

func (e endpoint) String() string { return e.scheme + "://" + e.host }

// parseEndpoint reads "http://host[:port]". Errors do not repeat the text, which may hold a password.
func parseEndpoint(text string) (endpoint, error) {
	u, err := url.Parse(strings.ToLower(text))
	if err != nil {
		return endpoint{}, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return endpoint{}, errors.New(`must begin with "http://" or "https://"`)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return endpoint{}, errors.New("must hold a host and a port, nothing else")
	}
	host, ok := content.HostPort(u.Scheme, u.Host)
	if !ok {
		return endpoint{}, errors.New("names no host, or a port that is none")
	}
	return endpoint{u.Scheme, host}, nil
}
