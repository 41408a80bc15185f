package proxy

import (
	"net/http"
	"strings"

	"branchpoint/proxy/content"
	"branchpoint/proxy/hop"
)

// class is what kind of request this is.
type class uint8

const (
	classPass    class = iota // forwarded untouched
	classContent              // a file that the cache may answer
	classTunnel               // CONNECT
)

func (c class) String() string {
	switch c {
	case classContent:
		return "content"
	case classTunnel:
		return "tunnel"
	}
	return "pass"
}

// classify names a request. Only GET and HEAD of a file are content; a client that is in the middle of authenticating its
// connection, or has done so, must talk to the distribution point itself.
func (p *Proxy) classify(e *exchange, r *http.Request) (content.Target, class) {
	if r.Method == http.MethodConnect {
		return content.Target{}, classTunnel
	}
	if e.foreign || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return content.Target{}, classPass
	}
	t, ok := content.Parse(r.URL.Scheme, r.URL.Host, rawTarget(r))
	if !ok {
		t, ok = p.blob(r)
	}
	e.file = ok
	if !ok || hop.LogsIn(r.Header) || connOf(r).pinnedTo(t.Host) {
		return content.Target{}, classPass
	}
	t.ID.Hierarchy = p.config.Origins.Hierarchy(t)
	t.Header = hop.EndToEnd(r.Header)
	return t, classContent
}

// rawTarget returns the origin-form target byte for byte as the client sent it: in an absolute-form target, what follows
// the authority.
func rawTarget(r *http.Request) string {
	raw := r.RequestURI
	if _, rest, ok := strings.Cut(raw, "://"); ok && !strings.HasPrefix(raw, "/") {
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			return "/"
		}
		raw = rest[i:]
	}
	if strings.HasPrefix(raw, "?") {
		raw = "/" + raw
	}
	return raw
}
