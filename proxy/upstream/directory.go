package upstream

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"branchpoint/proxy/content"
)

// directory knows the DPs: the configured ones for ever, those that clients or a site named for as long as there is room.
type directory struct {
	cfg        Config
	configured []*location
	byEndpoint map[endpoint]*location // of the configured ones: base and token endpoint
	inClear    map[string]bool        // hierarchies with a configured DP that is asked over http
	served     *lru.Cache[servedKey, []*location]

	labels *labels // of hosts that are not configured

	mu      sync.Mutex
	learned *lru.Cache[endpoint, *location] // guarded by mu, so that one host is learned once
	located *lru.Cache[place, *location]    // guarded by mu. How those did that a site named; whom it names now, it says itself
}

// servedKey is what a DP that has one file of it probably has all of.
type servedKey struct{ hierarchy, content string }

// maxServed is how many DPs are remembered for one content.
const maxServed = 4

func newDirectory(cfg Config) (*directory, error) {
	d := &directory{
		cfg: cfg, byEndpoint: make(map[endpoint]*location), inClear: make(map[string]bool),
		labels: &labels{hosts: make(map[string]struct{})},
	}
	d.served, _ = lru.New[servedKey, []*location](cfg.MaxContents) // they fail only for a size below one
	d.learned, _ = lru.New[endpoint, *location](cfg.MaxLearned)
	d.located, _ = lru.New[place, *location](cfg.MaxLearned)
	for i, l := range cfg.Locations {
		loc, err := newLocation(cfg, l)
		if err != nil {
			return nil, fmt.Errorf("location %d: %w", i+1, err)
		}
		if _, ok := d.byEndpoint[loc.base]; ok {
			return nil, fmt.Errorf("location %d: %s is there twice", i+1, loc.base)
		}
		loc.configured, loc.label = true, loc.base.host
		loc.ready(cfg)
		d.configured = append(d.configured, loc)
		d.byEndpoint[loc.base] = loc
		if loc.base.scheme == "http" {
			d.inClear[loc.hierarchy] = true
		}
	}
	// A token endpoint is an alias of its DP, unless it is a DP in its own right.
	for _, loc := range d.configured {
		if _, ok := d.byEndpoint[loc.token]; !ok && loc.token.host != "" {
			d.byEndpoint[loc.token] = loc
		}
	}
	return d, nil
}

// named returns the DP that t names, learning it when it is new.
func (d *directory) named(t content.Target) *location {
	at := endpoint{t.Scheme, t.Host}
	if loc, ok := d.byEndpoint[at]; ok {
		return loc
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if loc, ok := d.learned.Get(at); ok {
		return loc
	}
	loc := d.learn(at)
	d.learned.Add(at, loc)
	return loc
}

// hierarchy returns the hierarchy of a DP. An https one is also the configured http one of the same name, both under their
// usual ports, for sites are switched over. It is not so the other way round: who can answer in the name of a host over http
// could then put his own files where those of https are. A DP that is not configured is a hierarchy of its own, because nobody
// vouches that it numbers packages like another.
func (d *directory) hierarchy(at endpoint) string {
	if loc, ok := d.byEndpoint[at]; ok {
		return loc.hierarchy
	}
	if name, ok := strings.CutSuffix(at.host, ":443"); ok && at.scheme == "https" {
		if loc, ok := d.byEndpoint[endpoint{"http", name + ":80"}]; ok {
			return loc.hierarchy
		}
	}
	return ownHierarchy(at)
}

// ownHierarchy is that of a server which stands for no other.
func ownHierarchy(at endpoint) string { return learnedPrefix + at.scheme + ":" + at.host }

// candidates returns the DPs to ask for id, best first, none twice: the one that the client named, those that served this
// content before, those that the site names, the configured ones of the hierarchy. A blob has no other place.
func (d *directory) candidates(named *location, id content.ID, site party) []*location {
	list := []*location{site.insteadOf(named)}
	if id.Share == content.Blob {
		return list
	}
	add := func(loc *location) {
		if loc != named && !slices.Contains(list, loc) {
			list = append(list, loc)
		}
	}
	standIns := d.standIns(named, id, site)
	served, _ := d.served.Get(servedKey{id.Hierarchy, id.Content})
	for _, loc := range served {
		if slices.Contains(standIns, loc) || !loc.located && loc.hierarchy == id.Hierarchy {
			add(loc)
		}
	}
	for _, loc := range standIns {
		add(loc)
	}
	for _, loc := range d.configured {
		if loc.hierarchy == id.Hierarchy {
			add(loc)
		}
	}
	return list
}

// remember keeps that loc served a file of id's content.
func (d *directory) remember(id content.ID, loc *location) {
	key := servedKey{id.Hierarchy, id.Content}
	old, _ := d.served.Get(key)
	if len(old) > 0 && old[0] == loc {
		return
	}
	list := make([]*location, 0, maxServed)
	list = append(list, loc)
	for _, l := range old {
		if l != loc && len(list) < maxServed {
			list = append(list, l)
		}
	}
	d.served.Add(key, list)
}

// all returns the configured DPs in their order, then those that a site named, then the learned ones, in both cases the most
// recently used first. One that is both is there once.
func (d *directory) all() []*location {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := slices.Clone(d.configured)
	shown := make(map[*health]bool)
	for _, some := range [][]*location{d.located.Values(), d.learned.Values()} {
		for _, loc := range slices.Backward(some) {
			if !shown[loc.health] {
				list = append(list, loc)
			}
			shown[loc.health] = true
		}
	}
	return list
}
