package assembly

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchpoint/cache"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
)

// This file turns the configuration file into the Config of each part. What they share (registry, logger, dialer) is added
// in parts.go.

// orInstant keeps a zero of the configuration, which means "at once", apart from the zero of a Config, which means the
// default.
func orInstant(d configs.Duration) time.Duration { return max(time.Duration(d), 1) }

func cacheConfig(c configs.Cache) cache.Config {
	return cache.Config{
		Directory: c.Directory, MaxBytes: int64(c.MaxBytes), MinFreeBytes: int64(c.MinFreeBytes), CheckAfter: orInstant(c.CheckAfter),
		ParallelWindows: c.ParallelWindows, WindowBytes: int64(c.WindowBytes),
	}
}

func upstreamConfig(c *configs.Config) upstream.Config {
	u := c.Upstream
	config := upstream.Config{
		TokenVdirs: vdirs(c.Token.Vdirs), TokenEndpointPort: u.TokenEndpointPort,
		CredentialHeaders: append([]string{"Authorization", c.Token.HeaderName}, c.Token.CredentialHeaders...),
		TokenHeader:       c.Token.HeaderName,
		ConnectTimeout:    time.Duration(u.ConnectTimeout), HeaderTimeout: time.Duration(u.ResponseTimeout),
		StallTimeout: time.Duration(u.StallTimeout), GiveUpAfter: time.Duration(u.GiveUpAfter),
		CoolDown: time.Duration(u.CoolDown), FailuresToOpen: u.FailuresToOpen, MaxConnsPerHost: u.MaxConnectionsPerHost,
	}
	for _, dp := range c.DistributionPoints {
		config.Locations = append(config.Locations, upstream.Location{
			Base: dp.URL, TokenBase: dp.TokenURL, Hierarchy: dp.Hierarchy, Audience: dp.Audience,
		})
	}
	return config
}

func vdirs(names []string) (list []content.Vdir) {
	for _, name := range names {
		for _, v := range []content.Vdir{content.Plain, content.NoCert, content.TokenAuth} {
			if v.String() == name {
				list = append(list, v)
			}
		}
	}
	return list
}

// listenerSettings are proxyListener, what clients are shown who begin TLS, and as many connections as there are descriptors
// for.
func listenerSettings(c *configs.Config, l configs.Listener, show shown) proxy.Listener {
	listener := proxyListener(c, l)
	most, _ := fit(c, descriptors())
	listener.MaxConnections = min(listener.MaxConnections, most)
	listener.Certificate = show.certificate(l.TLS.Names)
	return listener
}

// proxyListener says whom a listener serves, and where to.
func proxyListener(c *configs.Config, l configs.Listener) proxy.Listener {
	listener := proxy.Listener{
		Name: l.Name, Entitlement: proxy.Entitlement(l.Entitlement), MaxConnections: l.MaxConnections,
		Transparent: l.Kind == configs.KindTransparent, Gateway: gateway(c, l), Names: aliases(c, l),
	}
	listener.AnyHost = l.Loopback() && l.Kind == configs.KindForward
	listener.PointedHosts = pointedHosts(c)
	for _, port := range l.ConnectPorts {
		listener.ConnectPorts = append(listener.ConnectPorts, strconv.Itoa(port))
	}
	for _, network := range l.Networks {
		listener.Networks = append(listener.Networks, netip.Prefix(network.Prefix))
	}
	if !listener.AnyHost {
		listener.Hosts = append(destinations(c), l.AllowHosts...)
	}
	if listener.Transparent {
		listener.Hosts = append(listener.Hosts, seenInto(c)...)
	}
	return listener
}

// seenInto are the hosts of interception.hosts that are named in full. Whoever is caught may reach them by us: he was on his way
// there. By a pattern he would reach what he could not reach himself.
func seenInto(c *configs.Config) (hosts []string) {
	for _, host := range c.Interception.Hosts {
		if !strings.HasPrefix(host, "*.") {
			hosts = append(hosts, net.JoinHostPort(host, "443"))
		}
	}
	return hosts
}

// gateway is where a gateway leads: a plain one to where its distribution point is, one with TLS to where that takes TLS. It
// is empty for a listener of another kind.
func gateway(c *configs.Config, l configs.Listener) string {
	if l.TLS.On() {
		return c.Behind(l).TokenURL
	}
	return c.Behind(l).URL
}

// aliases are the names by which a gateway answers. Nil means all. A web page can lead a name of its own to any address, and have
// a browser ask there: that gets it nothing where each client is asked for, or has to accept our certificate for the name.
func aliases(c *configs.Config, l configs.Listener) []string {
	names := slices.Concat(l.TLS.Names, l.AllowHosts)
	trusting := proxy.Entitlement(l.Entitlement) == proxy.Network && !l.TLS.On()
	if l.Kind != configs.KindGateway || len(names) == 0 && !trusting {
		return nil
	}
	for _, address := range []string{c.Behind(l).URL, c.Behind(l).TokenURL} {
		if u, err := url.Parse(address); err == nil {
			names = append(names, u.Hostname())
		}
	}
	return append(names, hostName())
}

// destinations are the servers of the site that the configuration names, and the storage accounts that it names in full: a
// pattern such as *.blob.core.windows.net covers everybody's accounts, and would lead anywhere.
func destinations(c *configs.Config) (hosts []string) {
	for _, dp := range c.DistributionPoints {
		hosts = append(hosts, destination(dp.URL)...)
		hosts = append(hosts, destination(dp.TokenURL)...)
	}
	for _, mp := range c.ManagementPoints {
		hosts = append(hosts, destination(mp)...)
	}
	for _, cmg := range c.CloudManagementGateways {
		hosts = append(hosts, destination("https://"+cmg)...)
	}
	if c.Site.On() {
		for _, address := range []string{c.Site.ManagementPoint, c.Site.Gateway} {
			hosts = append(hosts, destination(address)...)
		}
	}
	for _, storage := range c.Cloud.BlobHosts {
		if !strings.HasPrefix(storage, "*.") {
			hosts = append(hosts, net.JoinHostPort(storage, "80"), net.JoinHostPort(storage, "443"))
		}
	}
	return hosts
}

// destination allows a server on the port that its address names. One on a usual port is allowed on both of them: sites
// are switched from http to https, and clients learn of it before this configuration does.
func destination(address string) []string {
	if address == "" {
		return nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	at := hostPort(address)
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil
	}
	if port != "80" && port != "443" {
		return []string{at}
	}
	return []string{net.JoinHostPort(host, "80"), net.JoinHostPort(host, "443")}
}

// hostName is the name of this machine, as others may know it.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return strings.ToLower(name)
}
