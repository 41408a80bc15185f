package entra

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	// maxAnswer bounds an answer. Tokens have a few KiB; the documents about an authority are of that size too.
	maxAnswer = 1 << 20
	// maxRefusal bounds what is read of a refusal.
	maxRefusal = 64 << 10
)

var (
	errElsewhere = errors.New("an answer leads to another host than the authority")
	errTooLarge  = errors.New("an answer is over 1 MiB")
)

// fence is what the requests of the library go through. Secrets go to the authority only; answers have limits; what a refusal
// says is noted, so that nobody has to take it out of an error of the library.
type fence struct {
	base http.RoundTripper
	host string // of the authority. Empty: any, for the metadata services that Azure's environment names
}

// newClient is the HTTP client of the library. It follows no redirects.
func newClient(config Config) *http.Client {
	f := &fence{base: config.Transport}
	if u, err := url.Parse(config.Authority); err == nil && config.Type != ManagedIdentity {
		f.host = u.Host
	}
	return &http.Client{
		Transport:     f,
		Timeout:       config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper.
func (f *fence) RoundTrip(r *http.Request) (*http.Response, error) {
	seen := noted(r.Context())
	seen.ask()
	if f.host != "" && (r.URL.Scheme != "https" || !strings.EqualFold(r.URL.Host, f.host)) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errElsewhere
	}
	resp, err := f.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 400 {
		seen.note(resp.StatusCode, nil)
		resp.Body = &limited{resp.Body, maxAnswer, seen}
		return resp, nil
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	seen.note(resp.StatusCode, page)
	resp.Body = io.NopCloser(bytes.NewReader(page))
	return resp, nil
}

// limited fails beyond its limit. An answer that breaks off counts as none.
type limited struct {
	io.ReadCloser
	left int64
	seen *note
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	if err != nil && err != io.EOF {
		l.seen.ask()
	}
	return n, err
}
