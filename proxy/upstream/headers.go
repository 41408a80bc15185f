package upstream

import (
	"net/http"
	"strings"
)

// droppedHeaders are not passed on: they belong to one hop (RFC 9110 §7.6.1), or to what the client wants of us and not to
// what we want of a DP.
var droppedHeaders = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
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
	hop := make(map[string]bool)
	for _, line := range client["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			hop[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	h := make(http.Header, len(client)+3)
	for name, values := range client {
		name = http.CanonicalHeaderKey(name)
		if !hop[name] && !isDropped(name) {
			h[name] = append(h[name], values...)
		}
	}
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

// bindsConnection tells whether a request with these headers may authenticate the connection itself, as NTLM and Negotiate
// do. Nobody else may use such a connection afterwards.
func bindsConnection(h http.Header) bool {
	for _, value := range h["Authorization"] {
		switch scheme, _, _ := strings.Cut(strings.TrimSpace(value), " "); strings.ToLower(scheme) {
		case "basic", "bearer", "digest":
		default:
			return true
		}
	}
	return false
}
