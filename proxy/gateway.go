package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"branchpoint/proxy/content"
)

// A gateway is a distribution point to its clients, who know it by an alias. What they ask for leads to the real one behind
// it, by its own name, and content comes from wherever the cache has it. The alias stays in the Host header of what is passed
// on, so that what the distribution point answers (a list of files, a redirect) leads back to the gateway.

// behind reads where a gateway leads: scheme://host[:port].
func behind(gateway string) (*destination, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("a gateway to %.128q: that is not scheme://host", gateway)
	}
	host, ok := content.HostPort(u.Scheme, u.Host)
	if !ok {
		return nil, fmt.Errorf("a gateway to %.128q: that is not http:// or https:// and a host", gateway)
	}
	return &destination{scheme: u.Scheme, host: host}, nil
}

// unknownName is for a request to a gateway by a name that is none of its own.
var unknownName = refusal{http.StatusMisdirectedRequest, "misdirected", "the request names another host than this gateway is known by (allow_hosts)."}

// knownAs tells whether a Host header names a gateway. No page of the web can have an address lead here, or leave its name out.
func (l *Listener) knownAs(name string) bool {
	if l.Names == nil || name == "" {
		return true
	}
	u := url.URL{Host: name}
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if _, err := netip.ParseAddr(host); err == nil || host == bare(l.to.host) {
		return true
	}
	switch {
	case port != "":
	case l.Certificate != nil:
		port = "443"
	default:
		port = "80"
	}
	return slices.ContainsFunc(l.Names, func(pattern string) bool { return matchHost(pattern, host, port) })
}
