package assembly

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
)

// trust says which hosts are the site's although they were named over plain HTTP: anybody on the way could name one of his own, but
// has no certificate for a name of the configuration, or for one beside a management point's.
type trust struct {
	points []string // the hosts of the management points
	named  []string // hosts of the configuration
}

func trustOf(c *configs.Config) (t trust) {
	for _, mp := range append(slices.Clone(c.ManagementPoints), c.Site.ManagementPoint) {
		if host := hostOf(mp); host != "" {
			t.points = append(t.points, host)
		}
	}
	for _, gateway := range gatewaysOf(c) {
		t.named = append(t.named, hostOf(gateway))
	}
	for _, dp := range c.DistributionPoints {
		t.named = append(t.named, hostOf(dp.URL), hostOf(dp.TokenURL))
	}
	t.named = append(t.named, c.Interception.Hosts...) // a pattern is no name
	return t
}

// host tells whether a host is the site's.
func (t trust) host(host string) bool {
	host = strings.ToLower(host)
	return host != "" && (slices.Contains(t.named, host) || slices.ContainsFunc(t.points, func(mp string) bool { return sameDomain(mp, host) }))
}

// cloud tells whether the host of a cloud location is.
func (t trust) cloud(l ccm.Location) bool { return t.host(hostOf(l.URL)) }

// sharedDomains are where clouds give names to anybody.
var sharedDomains = []string{
	"azure.com", "windows.net", "cloudapp.net", "azurewebsites.net", "trafficmanager.net", "azure.cn", "chinacloudapi.cn", "usgovcloudapi.net",
	"azure.us", "amazonaws.com", "googleusercontent.com",
}

// sameDomain tells whether a host is mp itself, or in the domain that mp is in, which must be somebody's own.
func sameDomain(mp, host string) bool {
	if mp == host {
		return true
	}
	_, domain, _ := strings.Cut(mp, ".")
	if net.ParseIP(mp) != nil || !strings.HasSuffix(host, "."+domain) || slices.ContainsFunc(sharedDomains, func(shared string) bool {
		return domain == shared || strings.HasSuffix(domain, "."+shared)
	}) {
		return false
	}
	own, err := publicsuffix.EffectiveTLDPlusOne(domain) // fails where that is nobody's
	return err == nil && (domain == own || strings.HasSuffix(domain, "."+own))
}

// hostOf is the host of a URL, or of host or host:port, in lower case.
func hostOf(text string) string {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// gatewaysOf are the URLs of the gateways, and of cloud distribution points.
func gatewaysOf(c *configs.Config) (all []string) {
	for _, gateway := range c.CloudManagementGateways {
		all = append(all, "https://"+gateway)
	}
	if c.Site.Gateway != "" {
		all = append(all, c.Site.Gateway)
	}
	return all
}
