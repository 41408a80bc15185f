package proxy

import (
	"fmt"
	"net/url"
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
