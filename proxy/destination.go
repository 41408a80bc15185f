package proxy

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// destination is where all requests of a client connection lead, when that was settled before the first of them: by the
// CONNECT that the connection began with, by the listener, or by the address that the client meant to reach. Such a
// connection speaks as to an origin server. Nil is a proxy's client: each request says itself where it leads.
type destination struct {
	// scheme is http or https; host is host:port, in lower case.
	scheme, host string
	// strict says that a Host header which names another host is an error (421, RFC 9110, section 15.5.20). Otherwise Host
	// may say what it likes, since the destination may have more names than we know; only a URL in absolute form may not.
	strict bool
	// named tells whether a name (host or host:port, as a Host header has it) is itself the destination of a request. Requests
	// that name anything else lead to host, and the cache has no part in them. Nil: host is the destination of all.
	named func(name string) bool
}

var (
	refusedInside = refusal{http.StatusMethodNotAllowed, "inside", "no tunnel begins here: this connection leads to one server."}
	misdirected   = refusal{http.StatusMisdirectedRequest, "misdirected", "this connection leads to another server than the request names."}
)

// lead makes a request in origin-form an absolute one. foreign says that it leads to a server that is none of ours.
func (to *destination) lead(r *http.Request) (foreign bool, refused *refusal) {
	switch {
	case r.Method == http.MethodConnect:
		return false, &refusedInside
	case r.URL.IsAbs(): // legal, and the same request when it says the same (RFC 9112, section 3.2.2)
		if r.URL.Scheme != to.scheme || !to.is(r.URL.Host) {
			return false, &misdirected
		}
	case to.strict && r.Host != "" && !to.is(r.Host):
		return false, &misdirected
	}
	r.URL.Scheme, r.URL.Host = to.scheme, to.host
	if to.named == nil {
		return false, nil
	}
	if !to.named(r.Host) {
		return true, nil
	}
	r.URL.Host = strings.ToLower(r.Host)
	return false, nil
}

// is tells whether a name leads to the destination. A name without a port means the destination's.
func (to *destination) is(name string) bool {
	host, port, err := net.SplitHostPort(to.host)
	u := url.URL{Host: name}
	other := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return err == nil && other == host && (u.Port() == "" || u.Port() == port)
}
