package proxy

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"branchpoint/proxy/content"
)

// refusal is an answer of our own to a request that goes nowhere. Its text is fixed: nothing of the request is repeated.
type refusal struct {
	status int
	reason string // label of the metric
	text   string
}

func (e *exchange) refuse(r *refusal) {
	e.result = r.reason
	e.Header().Set("Connection", "close")
	http.Error(e, "Branchpoint: "+r.text, r.status)
}

// admit decides whether a request may go anywhere at all. to is where its connection leads, nil for a proxy's client. A gateway
// may lead elsewhere since the connection began.
func (p *Proxy) admit(e *exchange, r *http.Request, to *destination) *refusal {
	if e.listener.to != nil {
		to = e.listener.to
		if !e.listener.knownAs(r.Host) {
			return &unknownName
		}
	}
	if passed(r.Header["Via"], p.config.Via) {
		return &refusal{http.StatusLoopDetected, "loop", "this request has been here before: the proxies go round in a circle."}
	}
	if to != nil {
		var refused *refusal
		if e.foreign, refused = to.lead(r); refused != nil {
			return refused
		}
	}
	if r.Method != http.MethodConnect && !r.URL.IsAbs() {
		return &refusal{http.StatusBadRequest, "not_proxy", "this is a proxy. Point the client's proxy setting at it."}
	}
	if r.URL.User != nil {
		return &refusal{http.StatusBadRequest, "user", "a name or a password in the URL is not forwarded. Send an Authorization header."}
	}
	host, port := splitHost(r)
	if host == "" {
		return &refusal{http.StatusBadRequest, "no_host", "the request names no host."}
	}
	if r.Method == http.MethodConnect && !slices.Contains(e.listener.ConnectPorts, port) {
		return &refusal{http.StatusForbidden, "port", "tunnels to this port are not allowed (connect_ports)."}
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" && r.Method != http.MethodConnect {
		return &refusal{http.StatusBadRequest, "scheme", "only http and https are forwarded."}
	}
	if to == nil && !e.listener.allows(host, port) {
		return &refusal{http.StatusForbidden, "destination", "this destination is not served here (allow_hosts)."}
	}
	return nil
}

// passed tells whether Via headers (RFC 9110, section 7.6.3) name us.
func passed(via []string, name string) bool {
	for _, line := range via {
		for hop := range strings.SplitSeq(line, ",") {
			if words := strings.Fields(hop); len(words) > 1 && strings.EqualFold(words[1], name) {
				return true
			}
		}
	}
	return false
}

// isToken tells whether s is a token of RFC 9110, section 5.6.2. The name of a header is one.
func isToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }

// splitHost returns the destination of a request, in lower case, and its port. The host is empty when there is none, or
// when a tunnel's target holds anything else: what is looked at must be what is dialled.
func splitHost(r *http.Request) (host, port string) {
	host, port = r.URL.Hostname(), r.URL.Port()
	if r.Method == http.MethodConnect && (port == "" || r.URL.Host != r.RequestURI) {
		return "", ""
	}
	if host, port, ok := content.Host(r.URL.Scheme, r.URL.Host); ok {
		return host, port
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), port
}

// allows tells whether a listener serves a destination.
func (l *Listener) allows(host, port string) bool {
	if l.AnyHost {
		return true
	}
	return slices.ContainsFunc(l.Hosts, func(pattern string) bool { return matchHost(pattern, host, port) })
}

// matchHost compares a destination with "host", "host:port" or "*.suffix".
func matchHost(pattern, host, port string) bool {
	pattern = strings.ToLower(pattern)
	if h, p, err := net.SplitHostPort(pattern); err == nil {
		if p != port {
			return false
		}
		pattern = h
	}
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasPrefix(suffix, ".") && strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return pattern == host
}
