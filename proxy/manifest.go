package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"branchpoint/proxy/content"
	"branchpoint/proxy/hop"
)

// A client asks for the list of a content's files, its manifest, by PROPFIND, and downloads nothing when that fails. It is
// passed on untouched and never kept. But when the distribution point asks for an authentication that a client without one
// cannot give, and the client is entitled to our token, the same question is put to the token endpoint.

// Manifests puts a PROPFIND to the token endpoint of the distribution point that t names, and which the client calls by a Host
// header of its own. A nil answer without an error means that it has nothing better than the distribution point's own answer.
type Manifests interface {
	Manifest(ctx context.Context, t content.Target, host string, body []byte) (*http.Response, error)
}

// maxManifestRequest is how large a PROPFIND's body may be to be asked twice. It is a short list of property names.
const maxManifestRequest = 64 << 10

// secondTry is what may be done when a server answers a request with 401.
type secondTry struct {
	forbidden bool // a 403 is as good a reason
	// ask is given the request that was answered so. A nil answer without an error means that there is nothing better.
	ask func(*http.Request) (*http.Response, error)
}

type secondTryKey struct{}

// withSecondTry returns r, ready to be put with our token too when it asks for the list of a content, and the client is
// entitled to that.
func (p *Proxy) withSecondTry(e *exchange, r *http.Request) *http.Request {
	switch {
	case e.foreign || !e.ours():
		return r
	case r.Method == "PROPFIND":
		return p.withTokenEndpoint(e, r)
	case r.Method == http.MethodGet && isCloudList(rawTarget(r)):
		return p.withKey(e, r)
	}
	return r
}

// withTokenEndpoint returns r, a PROPFIND, ready to be put to the token endpoint too when it is one of a content.
func (p *Proxy) withTokenEndpoint(e *exchange, r *http.Request) *http.Request {
	t, ok := content.ParseFolder(r.URL.Scheme, r.URL.Host, rawTarget(r))
	if !ok {
		return r
	}
	t.Header = hop.EndToEnd(r.Header)
	p.observe(e, t) // a client asks for the list before anything else
	if p.config.Manifests == nil || r.ContentLength > maxManifestRequest || hop.LogsIn(r.Header) {
		return r
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxManifestRequest+1))
	rest := io.MultiReader(bytes.NewReader(body), r.Body)
	if err != nil || len(body) > maxManifestRequest {
		r.Body = io.NopCloser(rest)
		return r
	}
	t.ID.Hierarchy = p.config.Origins.Hierarchy(t)
	host := r.Host
	again := secondTry{ask: func(r *http.Request) (*http.Response, error) {
		return p.config.Manifests.Manifest(r.Context(), t, host, body)
	}}
	r = r.WithContext(context.WithValue(r.Context(), secondTryKey{}, again))
	if len(body) > 0 { // a wrapped http.NoBody would go out as one of unknown length
		r.Body = io.NopCloser(rest)
	}
	return r
}

// ours tells whether the client is entitled to our token without a distribution point's word.
func (e *exchange) ours() bool {
	return e.listener.Entitlement == Machine || e.listener.Entitlement == Network && e.inNetworks()
}

// better returns the answer of the second try when there is one, otherwise resp.
func better(r *http.Request, resp *http.Response) *http.Response {
	again, ok := r.Context().Value(secondTryKey{}).(secondTry)
	if !ok || resp.StatusCode != http.StatusUnauthorized && !(again.forbidden && resp.StatusCode == http.StatusForbidden) {
		return resp
	}
	second, err := again.ask(r)
	if err != nil || second == nil {
		return resp
	}
	resp.Body.Close()
	second.Request = r
	return second
}
