package proxy

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"branchpoint/proxy/content"
	"branchpoint/proxy/hop"
)

// A client of a content in the cloud asks a gateway for the list of its files. The list is passed on and never kept. But when
// the client shows no token and the gateway wants one, and the client is entitled to ours, the same question is put once more
// with it.

// Keys has our tokens for gateways.
type Keys interface {
	// Authorize puts our token for the audience, which is the host name of a gateway, into h and returns a stamp that tells it
	// from others. An error means that there is none.
	Authorize(ctx context.Context, audience string, h http.Header) (stamp uint64, err error)
	// Another does the same with another token than that of the stamp, which a host refused.
	Another(ctx context.Context, audience string, stamp uint64, host string, h http.Header) (other uint64, err error)
	// Accepted and Refused say what the gateway, a host, made of a token.
	Accepted(audience string, stamp uint64, host string)
	Refused(audience string, stamp uint64, host string)
}

// isCloudList tells whether a target is where the files of a content in the cloud are listed (memdocs, "client log files").
func isCloudList(raw string) bool {
	path, _, _ := strings.Cut(raw, "?")
	return strings.EqualFold(strings.TrimSuffix(path, "/"), "/downloadrestservice.svc/getcontentxmlsecure")
}

// withKey returns r, a request for a list, ready to be put to a gateway with our token too. A token goes to servers of the site
// only, and over TLS.
func (p *Proxy) withKey(e *exchange, r *http.Request) *http.Request {
	if r.URL.Scheme != "https" || !p.isSite(r) {
		return r
	}
	p.observe(e, content.Target{Host: hostPort(r), Header: hop.EndToEnd(r.Header)})
	if p.config.Keys == nil || r.Body != http.NoBody || hop.LogsIn(r.Header) {
		return r
	}
	again := secondTry{forbidden: true, ask: p.listWithKey}
	return r.WithContext(context.WithValue(r.Context(), secondTryKey{}, again))
}

// maxKeys is how many of our tokens a gateway is shown: one that a client has shown before may be a bad one.
const maxKeys = 2

// listWithKey sends a request for a list, as it went out before, with our token. It is a secondTry.
func (p *Proxy) listWithKey(r *http.Request) (*http.Response, error) {
	audience, _ := splitHost(r)
	next, refused := p.config.Keys.Authorize, uint64(0)
	for range maxKeys {
		key := http.Header{}
		stamp, err := next(r.Context(), audience, key)
		if err != nil || stamp == refused {
			return nil, err
		}
		resp, err := p.showKey(r, key)
		if resp == nil || err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusOK, http.StatusPartialContent, http.StatusNotModified:
			p.config.Keys.Accepted(audience, stamp, hostPort(r))
			return resp, nil
		case http.StatusUnauthorized:
			resp.Body.Close()
			p.config.Keys.Refused(audience, stamp, hostPort(r))
			refused = stamp
			next = func(ctx context.Context, audience string, h http.Header) (uint64, error) {
				return p.config.Keys.Another(ctx, audience, stamp, hostPort(r), h)
			}
		default:
			return nil, resp.Body.Close()
		}
	}
	return nil, nil
}

// showKey sends a request once more, with a token in those fields. It returns nil when the client has shown one there: the gateway
// has judged that, and the client is to know.
func (p *Proxy) showKey(r *http.Request, key http.Header) (*http.Response, error) {
	for name := range key {
		if _, shown := r.Header[name]; shown {
			return nil, nil
		}
	}
	r = r.Clone(r.Context())
	maps.Copy(r.Header, key)
	return p.terms.Load().shared.RoundTrip(r)
}
