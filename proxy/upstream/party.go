package upstream

import (
	"strings"

	"branchpoint/proxy/content"
)

// party is whom a site names for one content, in its order.
type party []member

// member is one of them.
type member struct {
	*location
	secure bool // see Location.Secure
}

// place tells the DPs that a site names apart. What is good for one audience is not for another.
type place struct {
	base, token endpoint
	audience    string
}

// party reads what a site says. What cannot be a DP is left out.
func (d *directory) party(list []Location) party {
	var site party
	for _, l := range list[:min(len(list), maxParty)] {
		loc, err := newLocation(d.cfg, Location{Base: l.Base, TokenBase: l.TokenBase, Audience: l.Audience})
		if err != nil {
			d.cfg.Logger.Debug("the site names a distribution point that is none", "reason", err.Error())
			continue
		}
		if loc = d.known(loc); loc != nil {
			site = append(site, member{loc, l.Secure})
		}
	}
	return site
}

// known returns what the directory has in the place of a DP that a site names. A configured one is what the configuration says.
// It is nil for http at a host that is configured as https: see hierarchy.
func (d *directory) known(loc *location) *location {
	if configured, ok := d.byEndpoint[loc.base]; ok {
		return configured
	}
	if loc.base.scheme == "http" && d.hasOnlyTLS(loc.base.name()) {
		return nil
	}
	at := place{loc.base, loc.token, loc.audience}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.located.Get(at); ok {
		return known
	}
	d.admit(at, loc)
	if learned, ok := d.learned.Peek(loc.base); ok { // they are one server
		loc.health, loc.slots, loc.asksAuth = learned.health, learned.slots, learned.asksAuth
	}
	return loc
}

// admit keeps a DP that a site names. The caller holds mu, unless nobody else uses d yet.
func (d *directory) admit(at place, loc *location) {
	loc.located, loc.hierarchy, loc.label = true, d.hierarchy(at.base), d.labels.of(at.base.host)
	loc.ready(d.cfg)
	d.located.Add(at, loc)
}

// hasOnlyTLS tells whether a host is configured, and never for http.
func (d *directory) hasOnlyTLS(name string) bool {
	found := false
	for _, loc := range d.configured {
		if loc.base.name() != name {
			continue
		}
		if loc.base.scheme == "http" {
			return false
		}
		found = true
	}
	return found
}

// insteadOf returns the one that is the named DP, which is nothing that we know otherwise; otherwise the named DP itself.
func (p party) insteadOf(named *location) *location {
	for _, m := range p {
		if m.isNow(named) {
			return m.location
		}
	}
	return named
}

// isNow tells whether m is the named DP, which is not configured, and what is said of it may be believed: over http nobody is told
// to go elsewhere who named https.
func (m member) isNow(named *location) bool {
	if !m.located || named.configured || !m.isAt(named.base) {
		return false
	}
	return m.secure || named.base.scheme == "http" || m.token == named.base || m.token.host == ""
}

// standIns returns those who may supply id besides the named DP. See Locator.
func (d *directory) standIns(named *location, id content.ID, site party) (list []*location) {
	own := strings.HasPrefix(id.Hierarchy, learnedPrefix)
	onlyTLS := !d.inClear[id.Hierarchy] && !strings.HasPrefix(id.Hierarchy, learnedPrefix+"http:")
	vouched := !own || site.insteadOf(named) != named
	for _, m := range site {
		switch {
		case own && m.isNow(named):
		case !vouched:
			continue
		case onlyTLS && !(m.secure && m.base.scheme == "https"):
			continue
		case m.configured && !own && m.hierarchy != id.Hierarchy:
			continue
		}
		list = append(list, m.location)
	}
	return list
}

// isAt tells whether a request to that endpoint is one to the DP.
func (loc *location) isAt(e endpoint) bool { return loc.base == e || loc.token == e }

// name is the host without its port.
func (e endpoint) name() string { return e.host[:strings.LastIndexByte(e.host, ':')] }
