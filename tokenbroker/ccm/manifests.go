package ccm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// ManifestsConfig says how the lists of cloud distribution points are had.
type ManifestsConfig struct {
	// Manifest says how a list is read.
	Manifest ManifestSettings
	// Header is how the token travels.
	Header Presentation
	// Transport carries the requests; NewTransport makes one. Required. Its owner closes it.
	Transport http.RoundTripper
	// Timeout bounds one request with its answer. 0 is 20 s.
	Timeout time.Duration
	// MaxReply bounds a list in bytes. 0 is 8 MiB, some ten thousand files.
	MaxReply int64
	// UserAgent is the User-Agent field. Empty is "SMS CCM 5.0", what clients send to distribution points.
	UserAgent string
}

// Manifests gets the lists of contents from cloud distribution points. It never changes, keeps nothing, and may be used by
// many goroutines.
type Manifests struct {
	rules   manifestRules
	header  Presentation
	carrier carrier
}

// NewManifests returns a reader for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func NewManifests(config ManifestsConfig) (*Manifests, error) {
	set(&config.Timeout, defaultTimeout)
	set(&config.MaxReply, defaultMaxReply)
	set(&config.UserAgent, "SMS CCM 5.0")
	rules, err := config.Manifest.rules()
	if err == nil {
		err = config.Header.Validate()
	}
	switch {
	case err != nil:
	case config.Transport == nil:
		err = errors.New("the transport is missing")
	case config.Timeout < 0 || config.MaxReply < 0:
		err = errors.New("the timeout and the limit of lists must not be negative")
	}
	if err != nil {
		return nil, fmt.Errorf("ccm manifests: %w", err)
	}
	c := carrier{config.Transport, config.Timeout, config.MaxReply, config.UserAgent}
	return &Manifests{rules: rules, header: config.Header, carrier: c}, nil
}

// Get asks a cloud location for the list of its content, with a token that is for its host; the zero Token shows none. It
// asks by https only. Where the list does not read, the error's Cause is a *ManifestError.
func (m *Manifests) Get(ctx context.Context, l Location, t Token) ([]CloudFile, error) {
	const op = "ask for the list of a cloud content"
	target := l.Target()
	if u, err := url.Parse(target); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, &Error{Op: op, Kind: ErrProtocol, Cause: flaw("its URL is not https")}
	}
	header := http.Header{"Accept": {"*/*"}}
	if !t.IsZero() {
		m.header.apply(t, header)
	}
	got, err := m.carrier.do(ctx, call{op: op, method: http.MethodGet, url: target, header: header})
	if err != nil {
		return nil, err
	}
	if len(got.body) == 0 {
		return nil, nonsense(op, flaw("it is empty"))
	}
	files, err := m.rules.read(got.body)
	if err != nil {
		return nil, nonsense(op, err)
	}
	return files, nil
}

// Read reads a list that came by another way: one that passed by on its way to a client.
func (m *Manifests) Read(body []byte) ([]CloudFile, error) { return m.rules.read(body) }
