package configs

import (
	"net"
	"net/url"
	"strconv"
)

// DistributionPoint is one source of content.
type DistributionPoint struct {
	// URL is http://host[:port] or https://host[:port]. Required.
	URL string `yaml:"url"`
	// TokenURL is where the same server takes tokens; always https. Default: URL when that is https, otherwise the same
	// host with https and upstream.token_endpoint_port.
	TokenURL string `yaml:"token_url"`
	// Hierarchy is the hierarchy whose content it has. Default: the hierarchy at the top of the file.
	Hierarchy string `yaml:"hierarchy"`
	// Audience names what a token must be good for. Distribution points with one audience share tokens. Default: the
	// hierarchy. A cloud distribution point has its own: its host.
	Audience string `yaml:"audience"`
}

func (d *DistributionPoint) complete(hierarchy string, tokenPort int) {
	d.URL = plainURL(d.URL)
	d.TokenURL = plainURL(d.TokenURL)
	if d.Hierarchy == "" {
		d.Hierarchy = hierarchy
	}
	if d.Audience == "" {
		d.Audience = d.Hierarchy
	}
	if d.TokenURL == "" {
		d.TokenURL = tokenURL(d.URL, tokenPort)
	}
}

// tokenURL is the token endpoint of a server that names none; empty when the URL is not one.
func tokenURL(server string, port int) string {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme == "https" {
		return server
	}
	host := u.Hostname()
	if port != 443 {
		return "https://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	if u.Port() != "" {
		u.Host = u.Host[:len(u.Host)-len(u.Port())-1]
	}
	return "https://" + u.Host
}
