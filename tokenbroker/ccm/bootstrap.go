package ccm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// BootstrapConfig says where a site's public documents are had.
type BootstrapConfig struct {
	// URL is the management point, or a base URL of a Gateway. Required.
	URL string
	// Directory is the virtual directory. Empty is "SMS_MP". Others that sites have: "SMS_MP_WindowsAuth", "SMS_MP_AltAuth",
	// "SMS_MP_TokenAuth".
	Directory string
	// MPList is the query for the management points of the hierarchy. Empty is "MPLIST". Clients also ask "MPLIST1&<site>",
	// which says the site of each, and "MPLIST2&<site>" for those that face the internet.
	MPList string
	// KeyInformation is the query for the keys of the site. Empty is "MPKEYINFORMATION"; "MPKEYINFORMATIONEX" and
	// "MPKEYINFORMATIONMEDIA" say more.
	KeyInformation string
	// SiteSigningCertificate is the query for the certificate that the site signs with. Empty is "SITESIGNCERT".
	SiteSigningCertificate string
	// Store is the folder in which documents are kept, so that they outlive a restart without the site. Nothing else may be in
	// it. Empty keeps them in memory.
	Store string
	// MaxAge is how long a document is used without asking again. 0 is 1 h.
	MaxAge time.Duration
	// MaxStale is how old a document may be that is used when the site cannot be asked. 0 is 30 days.
	MaxStale time.Duration
	// Transport carries the requests; NewTransport makes one. Required. Its owner closes it.
	Transport http.RoundTripper
	// Timeout bounds one request with its answer. 0 is 20 s.
	Timeout time.Duration
	// UserAgent is the User-Agent field. Empty is "ccmhttp".
	UserAgent string
	// CCMToken gives the token for gateways and for SMS_MP_TokenAuth. Nil: none is shown.
	CCMToken TokenSource
	// CCMTokenHeader is how that token travels.
	CCMTokenHeader Presentation
}

// Bootstrap reads what a site tells everybody. The documents come over plain HTTP in most sites, and what signs them is
// not checked here: they say where to ask, not whom to trust. It prints as "redacted". Close it when done.
type Bootstrap struct {
	sealed
	list, keys, certificate *metadata
	store                   *diskStore // nil: in memory
}

// NewBootstrap returns a reader for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func NewBootstrap(config BootstrapConfig) (*Bootstrap, error) {
	config = config.withDefaults()
	base, err := baseURL(config.URL)
	if err == nil {
		err = config.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("ccm bootstrap: %w", err)
	}
	b := &Bootstrap{}
	kept := memoryStore()
	if config.Store != "" {
		if b.store, err = openStore(config.Store); err != nil {
			return nil, fmt.Errorf("ccm bootstrap: %w", err)
		}
		kept = b.store
	}
	document := func(op, query string, check func([]byte) error) *metadata {
		target := base.JoinPath(config.Directory, ".sms_aut")
		target.RawQuery = query // as it is: servers look for a bare word
		return &metadata{
			op: op, url: target.String(), maxAge: config.MaxAge, maxStale: config.MaxStale, store: kept,
			carrier: carrier{config.Transport, config.Timeout, maxMetadata, config.UserAgent},
			bearer:  inHeader(config.CCMToken, config.CCMTokenHeader), check: check,
		}
	}
	b.list = document("ask for the management points", config.MPList, checked(parseMPList))
	b.keys = document("ask for the keys of the site", config.KeyInformation, checked(parseKeyInformation))
	b.certificate = document("ask for the certificate of the site", config.SiteSigningCertificate, checked(parseSiteCertificate))
	return b, nil
}

// checked makes a check of a parser.
func checked[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(body []byte) error { _, err := parse(body); return err }
}

func (c BootstrapConfig) withDefaults() BootstrapConfig {
	set(&c.Directory, "SMS_MP")
	set(&c.MPList, "MPLIST")
	set(&c.KeyInformation, "MPKEYINFORMATION")
	set(&c.SiteSigningCertificate, "SITESIGNCERT")
	set(&c.MaxAge, time.Hour)
	set(&c.MaxStale, 30*24*time.Hour)
	set(&c.Timeout, defaultTimeout)
	set(&c.UserAgent, defaultUserAgent)
	return c
}

func (c BootstrapConfig) validate() error {
	for _, query := range []string{c.MPList, c.KeyInformation, c.SiteSigningCertificate} {
		if !isAlphanumeric(strings.ReplaceAll(query, "&", "")) {
			return fmt.Errorf("the query %q is none", query)
		}
	}
	switch {
	case c.Transport == nil:
		return errors.New("the transport is missing")
	case !isXMLName(c.Directory):
		return fmt.Errorf("the virtual directory %q is not one", c.Directory)
	case c.CCMToken != nil && !strings.HasPrefix(strings.ToLower(c.URL), "https:"):
		return errors.New("a CCM token goes over https only")
	case c.MaxAge < time.Second || c.MaxStale < c.MaxAge || c.Timeout < 0:
		return errors.New("the ages must be at least a second, the greatest one not below the other, and the timeout not negative")
	}
	return c.CCMTokenHeader.Validate()
}

// Close closes the store.
func (b *Bootstrap) Close() error {
	if b.store == nil {
		return nil
	}
	return b.store.close()
}

// Source says where a document came from.
type Source struct {
	// Fetched is when the site was last asked for it.
	Fetched time.Time
	// Trouble says why it is an old one. Nil: it is not.
	Trouble error
}

// read gets a document and parses it.
func read[T any](ctx context.Context, m *metadata, parse func([]byte) (T, error)) (value T, from Source, err error) {
	d, err := m.get(ctx)
	if err != nil {
		return value, Source{}, err
	}
	if value, err = parse(d.body); err != nil {
		return value, Source{}, nonsense(m.op, err)
	}
	return value, Source{Fetched: d.fetched, Trouble: d.trouble}, nil
}
