package configs

import (
	"fmt"
	"slices"
	"strings"
)

// check completes c and reports everything in it that cannot work. It looks at nothing but c.
func (c *Config) check(found *findings) {
	c.complete()
	c.checkNames(found)
	c.checkListeners(found)
	c.checkAddresses(found)
	c.checkDistributionPoints(found)
	c.checkUpstream(found)
	c.checkCache(found)
	c.checkToken(found)
	c.checkSources(found)
	c.checkInterception(found)
	c.checkSite(found)
	c.checkAdmin(found)
	c.checkPaths(found)
	found.oneOf("log.level", "level", c.Log.Level, "debug", "info", "warn", "error")
	found.oneOf("log.format", "format", c.Log.Format, "auto", "text", "json")
	if e := c.Entitlement; e.Grace != 0 && e.Grace < e.VerdictAge {
		found.bad("entitlement.grace", "%v is less than verdict_age, %v; write at least that, or 0", e.Grace, e.VerdictAge)
	}
}

// checkNames looks at what names the site and its servers.
func (c *Config) checkNames(found *findings) {
	found.hierarchy("hierarchy", c.Hierarchy)
	if slices.Contains(c.gatewayHosts(), strings.ToLower(c.Hierarchy)) {
		found.bad("hierarchy", "%q is the host of a gateway, which has tokens of its own; write another name", c.Hierarchy)
	}
	for i, mp := range c.ManagementPoints {
		path := fmt.Sprintf("management_points[%d]", i)
		if strings.Contains(mp, "://") {
			found.url(path, mp, "http", "https")
		} else if !found.credentials(path, mp) && !isHostPort(mp) {
			found.bad(path, "%q is not a host; write mp1.example.com, mp1.example.com:8443 or https://mp1.example.com", mp)
		}
	}
}

func (c *Config) checkDistributionPoints(found *findings) {
	seen := map[string]int{}
	for i, dp := range c.DistributionPoints {
		path := fmt.Sprintf("distribution_points[%d]", i)
		ok := found.required(path+".url", dp.URL, "http://dp1.example.com") && found.url(path+".url", dp.URL, "http", "https")
		if first, twice := seen[withPort(dp.URL)]; ok && twice {
			found.bad(path+".url", "%s is already distribution_points[%d]; keep one", dp.URL, first)
		} else if ok {
			seen[withPort(dp.URL)] = i
		}
		if _, given := found.at[path+".token_url"]; given || ok {
			found.url(path+".token_url", dp.TokenURL, "https")
		}
		if dp.Hierarchy != c.Hierarchy { // that one is reported where it stands
			found.hierarchy(path+".hierarchy", dp.Hierarchy)
		}
		if dp.Audience != dp.Hierarchy {
			found.name(path+".audience", dp.Audience)
		}
	}
}

func (c *Config) checkUpstream(found *findings) {
	u := c.Upstream
	found.filled("upstream.ca_files", u.CAFiles, "the path of a PEM file")
	found.positive("upstream.connect_timeout", u.ConnectTimeout)
	found.positive("upstream.response_timeout", u.ResponseTimeout)
	found.positive("upstream.stall_timeout", u.StallTimeout)
	found.positive("upstream.cool_down", u.CoolDown)
	if u.GiveUpAfter < u.ConnectTimeout {
		found.bad("upstream.give_up_after", "%v is less than connect_timeout, %v; nothing would be tried to the end",
			u.GiveUpAfter, u.ConnectTimeout)
	} else {
		found.positive("upstream.give_up_after", u.GiveUpAfter)
	}
	found.between("upstream.max_connections_per_host", u.MaxConnectionsPerHost, 1, 10000)
	found.between("upstream.failures_to_open", u.FailuresToOpen, 1, 1000)
	found.between("upstream.token_endpoint_port", u.TokenEndpointPort, 1, 65535)
}

func (c *Config) checkCache(found *findings) {
	found.required("cache.directory", c.Cache.Directory, "the path of a directory: the system names none for this user")
	found.between("cache.parallel_windows", c.Cache.ParallelWindows, 1, 64)
	window := c.Cache.WindowBytes
	if window < mib || window > gib || window%mib != 0 {
		found.bad("cache.window_bytes", "%v is not a window; write whole MiB from 1MiB to 1GiB", window)
		return
	}
	if need := window * Bytes(min(max(c.Cache.ParallelWindows, 1), 64)); c.Cache.MaxBytes < need {
		found.bad("cache.max_bytes", "%v is less than parallel_windows times window_bytes; write at least %v", c.Cache.MaxBytes, need)
	}
}

func (c *Config) checkAdmin(found *findings) {
	if found.address("admin.address", c.Admin.Address) && !loopback(c.Admin.Address) {
		found.bad("admin.address", "%s can be reached from the network and has no TLS; write a loopback address, such as 127.0.0.1:8081",
			c.Admin.Address)
	}
	if c.Cache.Directory != "" {
		found.required("admin.token_file", c.Admin.TokenFile, "the path of a file")
	}
}

// checkAddresses wants each listener on an address of its own, the admin listener included.
func (c *Config) checkAddresses(found *findings) {
	type place struct{ path, address string }
	var places []place
	for i, l := range c.Listeners {
		places = append(places, place{fmt.Sprintf("listeners[%d]", i), l.Address})
	}
	places = append(places, place{"admin", c.Admin.Address})
	for i, p := range places {
		same := func(q place) bool { return q.address == p.address }
		first := slices.IndexFunc(places[:i], same)
		if first >= 0 && !strings.HasSuffix(p.address, ":0") && p.address != "" {
			found.bad(p.path+".address", "%s is already the address of %s; write another port", p.address, places[first].path)
		}
	}
}
