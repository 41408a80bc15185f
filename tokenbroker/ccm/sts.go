package ccm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Carriage is the part of the request to CCM_STS that carries the token.
type Carriage string

// The parts of a request.
const (
	CarriedInHeader Carriage = "header"
	CarriedInBody   Carriage = "body"
)

// maxIssued bounds the answer of the STS. The only sizes that are public are below 2 KiB.
const maxIssued = 256 << 10

// STSConfig says how a token of Microsoft Entra, or a bulk registration token, is exchanged for a CCM token. Public is that
// CCM_STS does it, over HTTPS, with about one token going in and one coming out; verb, carriage and reply are not.
type STSConfig struct {
	// URL is the management point, or Gateway.ServerAuth. Required, https.
	URL string
	// Path is the service. Empty is "/CCM_STS".
	Path string
	// Method is the verb. Empty is "GET"; the other candidate is "POST".
	Method string
	// Carriage is where the token goes. Empty is CarriedInHeader.
	Carriage Carriage
	// Header is how it goes into the header.
	Header Presentation
	// Body is how it goes into the body, with "{token}" exactly once. Empty is the token alone.
	Body string
	// ContentType is that of the body. Empty is "text/plain".
	ContentType string
	// Reply is where the answer has the CCM token: "body", "json:<names separated by dots>", "xml:<path>" or
	// "header:<name>". Empty is "body".
	Reply string
	// Expiry is where it has the time at which that token ends, in the same way, and in a form of DPTokenSettings.ExpiryPaths.
	// Empty: the token says so itself, being a JWT.
	Expiry string
	// MaxAge is how long a CCM token is used at most. 0 is 8 h, which is how long they are good.
	MaxAge time.Duration
	// Incoming gives the token to be exchanged. Required.
	Incoming TokenSource
	// Transport carries the requests; NewTransport makes one. Required. Its owner closes it.
	Transport http.RoundTripper
	// Timeout bounds one request with its answer. 0 is 20 s.
	Timeout time.Duration
	// UserAgent is the User-Agent field. Empty is "ccmhttp".
	UserAgent string
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// STS exchanges tokens for CCM tokens. It keeps none: see Keep. It prints as "redacted".
type STS struct {
	sealed
	config  STSConfig
	target  *url.URL
	carrier carrier
	bearer  bearer
	reply   field
	expiry  field
}

// NewSTS returns an exchange for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func NewSTS(config STSConfig) (*STS, error) {
	config = config.withDefaults()
	base, err := baseURL(config.URL)
	if err == nil {
		err = config.validate(base)
	}
	if err != nil {
		return nil, fmt.Errorf("ccm sts: %w", err)
	}
	s := &STS{
		config:  config,
		target:  base.JoinPath(config.Path),
		carrier: carrier{config.Transport, config.Timeout, maxIssued, config.UserAgent},
		bearer:  inHeader(config.Incoming, config.Header),
	}
	if config.Carriage == CarriedInBody {
		s.bearer.show = s.inBody
	}
	if s.reply, err = parseField(config.Reply); err == nil && config.Expiry != "" {
		s.expiry, err = parseField(config.Expiry)
	}
	if err != nil {
		return nil, fmt.Errorf("ccm sts: %w", err)
	}
	return s, nil
}

func (c STSConfig) withDefaults() STSConfig {
	set(&c.Path, "/CCM_STS")
	set(&c.Method, http.MethodGet)
	set(&c.Carriage, CarriedInHeader)
	set(&c.Body, placeholder)
	set(&c.ContentType, "text/plain")
	set(&c.Reply, "body")
	set(&c.MaxAge, 8*time.Hour)
	set(&c.Timeout, defaultTimeout)
	set(&c.UserAgent, defaultUserAgent)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c STSConfig) validate(base *url.URL) error {
	switch {
	case base.Scheme != "https":
		return errors.New("tokens go over https only")
	case c.Transport == nil || c.Incoming == nil:
		return errors.New("the transport, or the token to be exchanged, is missing")
	case !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "?#"):
		return fmt.Errorf("the path %q must begin with a slash and have no query", c.Path)
	case !httpguts.ValidHeaderFieldName(c.Method): // a verb is a token (RFC 9110 section 9.1), as a name is
		return fmt.Errorf("the verb %q is none", c.Method)
	case c.Carriage != CarriedInHeader && c.Carriage != CarriedInBody:
		return fmt.Errorf("the carriage %q is neither %q nor %q", c.Carriage, CarriedInHeader, CarriedInBody)
	case c.Carriage == CarriedInBody && (c.Method == http.MethodGet || c.Method == http.MethodHead):
		return fmt.Errorf("%s has no body to carry a token", c.Method)
	case strings.Count(c.Body, placeholder) != 1:
		return errors.New("the body must hold " + placeholder + " exactly once")
	case !httpguts.ValidHeaderFieldValue(c.ContentType):
		return errors.New("the content type is not printable")
	case c.MaxAge < 0 || c.Timeout < 0:
		return errors.New("the greatest age and the timeout must not be negative")
	}
	return c.Header.Validate()
}

func (s *STS) inBody(t Token, request call) call {
	request.header = http.Header{"Content-Type": {s.config.ContentType}}
	request.body = []byte(strings.Replace(s.config.Body, placeholder, t.Reveal(), 1))
	return request
}

// Exchange gets a CCM token. A token that the STS does not take is ErrExpired, after a second one has been tried.
func (s *STS) Exchange(ctx context.Context) (Token, error) {
	const op = "exchange a token at CCM_STS"
	got, err := s.bearer.do(ctx, s.carrier, call{op: op, method: s.config.Method, url: s.target.String()})
	if err != nil {
		return Token{}, err
	}
	value, err := s.reply.of(got)
	switch {
	case err != nil:
		return Token{}, nonsense(op, err)
	case value == "" && len(got.body) == 0:
		return Token{}, &Error{Op: op, Kind: ErrRefused, Status: http.StatusOK}
	case value == "":
		return Token{}, &Error{Op: op, Kind: ErrNoToken, Status: http.StatusOK}
	}
	ends := s.config.Now().Add(s.config.MaxAge)
	if said, err := s.expiry.of(got); err == nil {
		ends = sooner(ends, expiry(said, s.config.Now()))
	}
	t, err := NewToken(value, ends)
	if err != nil {
		return Token{}, &Error{Op: op, Kind: ErrNoToken, Status: http.StatusOK, Cause: errNotAToken}
	}
	return t, nil
}
