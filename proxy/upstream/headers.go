package upstream

import (
	"maps"
	"net/http"
	"strings"

	"branchpoint/proxy/hop"
)

// droppedHeaders are not passed on, besides those that end at the next hop: they are about what the client wants of us and not
// about what we want of a DP.
var droppedHeaders = map[string]bool{
	"Range": true, "Accept-Encoding": true, "Expect": true, "Host": true, "Content-Length": true, "Content-Type": true,
	"Max-Forwards": true, "Http2-Settings": true,
}

// droppedPrefixes complete droppedHeaders: conditions are ours to set, and BranchCache would bring hashes for bytes.
var droppedPrefixes = []string{"If-", "Proxy-", "X-P2p-"}

// sharedHeaders are what a DP that the client did not name may see of its request. Everything else may be a credential: the
// name of the token header is not public.
var sharedHeaders = []string{"Accept", "User-Agent"}

// ownHeaders returns what the DP that the client named gets to see: all end-to-end headers of the client.
func (p *pool) ownHeaders(client http.Header) http.Header {
	h := make(http.Header, len(client)+3)
	for name, values := range client {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	hop.Remove(h)
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isDropped(name) })
	return p.finish(h)
}

func isDropped(name string) bool {
	if droppedHeaders[name] {
		return true
	}
	for _, prefix := range droppedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// plainHeaders returns what any other DP gets to see.
func (p *pool) plainHeaders(client http.Header) http.Header {
	h := make(http.Header, len(sharedHeaders)+2)
	for _, name := range sharedHeaders {
		if values := client.Values(name); len(values) > 0 {
			h[name] = values
		}
	}
	return p.finish(h)
}

// lentHeaders returns what a blob's storage gets to see when one client's URL serves another: who the client is besides, is not
// lent.
func (p *pool) lentHeaders(client http.Header) http.Header {
	h := p.plainHeaders(client)
	for name, values := range client {
		if name = http.CanonicalHeaderKey(name); strings.HasPrefix(name, "X-Ms-") { // content.PlainBlobRequest has looked at them
			h[name] = values
		}
	}
	return h
}

// finish adds what each request of ours carries.
func (p *pool) finish(h http.Header) http.Header {
	h.Set("Accept-Encoding", "identity")
	if p.cfg.Via != "" {
		h["Via"] = []string{strings.Join(append(h.Values("Via"), p.cfg.Via), ", ")}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // net/http would put its own name there
	}
	return h
}

// hasCredential tells whether the client shows a credential of its own.
func (p *pool) hasCredential(h http.Header) bool {
	for _, name := range p.cfg.CredentialHeaders {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// withoutCredential returns a copy of h that a token of ours may be added to.
func (p *pool) withoutCredential(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range p.cfg.CredentialHeaders {
		h.Del(name)
	}
	return h
}
