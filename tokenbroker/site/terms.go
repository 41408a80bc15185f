package site

import (
	"slices"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// terms are what a configuration says. They are never changed: Prepare puts others in their place.
type terms struct {
	ways         []*way
	place        func() ccm.Place
	audience     func(ccm.Location) string
	trusted      func(ccm.Location) bool
	siteAudience string
	smsid        string
	valid        func(time.Time) error
	age, retry   time.Duration
	manifests    *ccm.Manifests
	replies      *ccm.ReplyReader
}

// newTerms makes terms of a configuration that was validated. old, unless it is nil, has the ways of the one before.
func newTerms(c Config, old *terms) *terms {
	t := &terms{
		place: c.Place, audience: c.Audience, trusted: c.Trusted, siteAudience: c.SiteAudience, smsid: c.SMSID, valid: c.Valid,
		age: c.LocationsAge, retry: c.RetryAfter, manifests: c.Manifests, replies: c.Replies,
	}
	for _, w := range c.Ways {
		next := newWay(w)
		if before := old.way(w.Name); before != nil {
			next = before.followedBy(next)
		}
		t.ways = append(t.ways, next)
	}
	return t
}

// enforce puts the terms into force for s.
func (t *terms) enforce(s *Site) {
	for _, w := range t.ways {
		w.circuit.tune(t.retry)
	}
	s.hosts.tune(t.retry)
	s.registration.become(t.smsid)
	s.terms.Store(t)
}

// way is the way of that name. Nil: there is none.
func (t *terms) way(name string) *way {
	if t == nil {
		return nil
	}
	if i := slices.IndexFunc(t.ways, func(w *way) bool { return w.name == name }); i >= 0 {
		return t.ways[i]
	}
	return nil
}

// named are the ways that may be asked: the one of that name, or all for "".
func (t *terms) named(name string) []*way {
	if name == "" {
		return t.ways
	}
	if w := t.way(name); w != nil {
		return []*way{w}
	}
	return nil
}

// reachable tells whether there is a way that is not known to fail.
func (t *terms) reachable(now time.Time) bool {
	return slices.ContainsFunc(t.ways, func(w *way) bool {
		ready, _ := w.circuit.look(now)
		return ready
	})
}

// namesOf are the names of ways, in their order.
func namesOf(ways []*way) (names []string) {
	for _, w := range ways {
		names = append(names, w.name)
	}
	return names
}
