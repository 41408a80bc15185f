package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A client learns from a PAC file what to ask us for. Only hosts that this listener serves are in it, and only at the ports
// at which it serves them, since a request that we refuse is not tried again straight: the DIRECT behind our address is for
// when nobody answers there.

// pacAge is how long a client may keep the file, in seconds: a DP that is added has its clients soon.
const pacAge = 300

// serveConfiguration answers a client that asks for its configuration, and tells whether it was one. It is the only thing
// that a listener for proxy clients serves by itself.
func (p *Proxy) serveConfiguration(e *exchange, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.IsAbs() || connOf(r).to != nil ||
		r.URL.Path != "/proxy.pac" && r.URL.Path != "/wpad.dat" {
		return false
	}
	script := pacScript(reachedAt(r), p.pacRules(e.listener))
	e.result = "pac"
	h := e.Header()
	h.Set("Content-Type", "application/x-ns-proxy-autoconfig")
	h.Set("Content-Length", strconv.Itoa(len(script)))
	h.Set("Cache-Control", "max-age="+strconv.Itoa(pacAge))
	h.Set("X-Content-Type-Options", "nosniff") // or any web page could load it as its own script
	e.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = e.Write([]byte(script)) // a client that is gone
	}
	return true
}

// pacRule is one host, or "*.suffix", in lower case, and the ports at which requests for it come to us.
type pacRule struct {
	host string
	// plain are the ports of http, nil means all; tunnelled are those of https.
	plain, tunnelled []string
}

// pacRules are the hosts that clients are pointed here for, sorted.
func (p *Proxy) pacRules(l *Listener) (rules []pacRule) {
	hosts := slices.Clone(l.PointedHosts)
	if p.config.Served != nil {
		hosts = append(hosts, p.config.Served()...)
	}
	for i, host := range hosts {
		hosts[i] = strings.ToLower(strings.TrimSuffix(host, "."))
	}
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		rule := pacRule{host: host, plain: l.portsOf(host)}
		for _, port := range l.ConnectPorts {
			if l.allows(host, port) {
				rule.tunnelled = append(rule.tunnelled, port)
			}
		}
		if host != "" && (rule.plain == nil || len(rule.plain)+len(rule.tunnelled) > 0) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// portsOf returns the ports at which a listener serves a host, or all hosts of a "*.suffix". Nil means every port.
func (l *Listener) portsOf(host string) []string {
	if l.allows(host, "0") { // which nobody can connect to, so no entry names it
		return nil
	}
	ports := []string{}
	for _, pattern := range l.Hosts {
		if _, port, err := net.SplitHostPort(pattern); err == nil && l.allows(host, port) && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

// reachedAt is the address by which a client has reached us: what it asked for when that is an address, otherwise ours.
func reachedAt(r *http.Request) string {
	if at, ok := hostAndPort(r.Host); ok {
		return at
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addrPort(local).String()
}

// hostAndPort returns a Host header as host:port. It refuses everything that a name, an address and a port do not have: what
// it returns is written into a script.
func hostAndPort(authority string) (string, bool) {
	u := url.URL{Host: authority}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "80" // we speak no TLS to a client that asks for this
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !isHost(host) {
		return "", false
	}
	at := net.JoinHostPort(host, strconv.FormatUint(n, 10))
	return at, at == authority || at == authority+":80"
}

// isHost recognizes a DNS name, with the underscores that Windows allows, and an IP address without brackets and zone.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	for i := range len(host) {
		if c := host[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return host != "" && len(host) <= 253
}
