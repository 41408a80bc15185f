package ccm

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultDirectory = "ccm_system"
	defaultTimeout   = 20 * time.Second
	// defaultMaxReply is some thousand locations in UTF-16.
	defaultMaxReply  = 8 << 20
	defaultUserAgent = "ccmhttp"
)

// Config says how a Client talks to one management point, directly or through a gateway.
type Config struct {
	// URL is where the management point is: "http://mp01.example.org", or a base URL of a Gateway. Required.
	URL string
	// Directory is the virtual directory for messages. Empty is "ccm_system". Others that sites have, depending on how they
	// authenticate clients: "ccm_system_windowsauth" (a computer account, shown by Transport), "ccm_system_altauth" (no client
	// certificate where one is required otherwise), "ccm_system_tokenauth" (CCMToken).
	Directory string
	// TargetHost is the name of the management point in messages. Empty is the host of URL; behind a gateway that is the
	// gateway's.
	TargetHost string
	// SiteCode is the code of the site, three characters. Required.
	SiteCode string
	// Host is the NetBIOS name of this machine. Required.
	Host string
	// Identity signs the messages that have to be signed. Nil: only what needs no signature can be asked.
	Identity *Identity
	// Transport carries the requests; NewTransport makes one. Required. Its owner closes it.
	Transport http.RoundTripper
	// Timeout bounds one request with its answer. 0 is 20 s.
	Timeout time.Duration
	// MaxReply bounds an answer in bytes, before and after it is inflated. 0 is 8 MiB.
	MaxReply int64
	// UserAgent is the User-Agent field. Empty is "ccmhttp", what clients send.
	UserAgent string
	// Message says how messages are written.
	Message MessageSettings
	// Authenticator signs the header of each message of a registered identity. Its zero value does not.
	Authenticator Authenticator
	// CCMToken gives the token for ccm_system_tokenauth and for gateways. Nil: none is shown.
	CCMToken TokenSource
	// CCMTokenHeader is how that token travels.
	CCMTokenHeader Presentation
	// Registration is what this machine says about itself.
	Registration RegistrationSettings
	// Location is what is asked of the site's content, and how its answer is read.
	Location LocationSettings
	// DPToken is where the token for distribution points comes from.
	DPToken DPTokenSettings
	// Now is the clock that messages are dated with; a management point refuses what is too old or of the future. Nil is
	// time.Now.
	Now func() time.Time
}

// MessageSettings say how messages are written. All forms are reported to work against real sites.
type MessageSettings struct {
	// Hash is the algorithm of signatures. Empty is SHA256.
	Hash Hash
	// Raw sends bodies as text. False compresses them with zlib.
	Raw bool
	// ReplyCompression asks for answers in "zlib" or, with "none", as text. Empty is "zlib".
	ReplyCompression string
	// Capabilities is the property ClientCapabilities of a signature. Empty is "SSL" for an https URL and "NonSSL" for http.
	Capabilities string
	// UnnamedKey leaves the public key out of signatures: the site finds it by the client id.
	UnnamedKey bool
}

func (c Config) withDefaults() Config {
	set(&c.Directory, defaultDirectory)
	set(&c.UserAgent, defaultUserAgent)
	set(&c.Timeout, defaultTimeout)
	set(&c.MaxReply, defaultMaxReply)
	set(&c.Message.Hash, SHA256)
	set(&c.Message.ReplyCompression, "zlib")
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Registration = c.Registration.withDefaults()
	c.Location = c.Location.withDefaults()
	c.DPToken = c.DPToken.withDefaults()
	return c
}

// set gives a setting that is zero its default.
func set[T comparable](setting *T, value T) {
	var zero T
	if *setting == zero {
		*setting = value
	}
}

// validate says what is wrong with settings whose defaults are in place.
func (c Config) validate() error {
	_, siteErr := siteCode(c.SiteCode)
	_, hashErr := c.Message.Hash.algorithm()
	switch {
	case c.Transport == nil:
		return errors.New("the transport is missing")
	case !isXMLName(c.Directory):
		return fmt.Errorf("the virtual directory %q is not one", c.Directory)
	case c.Host == "" || strings.ContainsFunc(c.Host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("the name of this machine, %q, is no NetBIOS name", c.Host)
	case c.CCMToken != nil && !strings.HasPrefix(strings.ToLower(c.URL), "https:"):
		return errors.New("a CCM token goes over https only")
	case c.Timeout < 0 || c.MaxReply < 0:
		return errors.New("the timeout and the limit of answers must not be negative")
	case c.Message.ReplyCompression != "zlib" && c.Message.ReplyCompression != "none":
		return fmt.Errorf(`the reply compression %q is neither "zlib" nor "none"`, c.Message.ReplyCompression)
	}
	return errors.Join(siteErr, hashErr, c.Authenticator.Validate(), c.CCMTokenHeader.Validate(),
		c.Registration.validate())
}

// siteCode checks the code of a site: three characters, letters and digits.
func siteCode(s string) (string, error) {
	if len(s) != 3 || !isAlphanumeric(s) {
		return "", fmt.Errorf("the site code %q is not three letters or digits", s)
	}
	return s, nil
}

func isAlphanumeric(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	})
}

// baseURL checks the address of a server and takes a slash off its end.
func baseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the URL of the server does not parse") // the text of err may hold a password
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("the URL of the server must begin with http:// or https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the URL of the server must have neither user nor query nor fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}
