package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// recent is how long an answer is not asked for again, that there is no location among them. Whoever asks has found that what
// is known is not enough, so that it is short; and a content that has just been distributed shows after it.
const recent = 30 * time.Second

// locateKey names a question for locations.
type locateKey struct {
	way     *way
	content ccm.Content
}

// fold is what a content is known by: sites number without regard to letter case, and so do URLs.
func fold(c ccm.Content) ccm.Content {
	c.ID = strings.ToUpper(c.ID)
	return c
}

// Known returns where a content is, from memory only: what each way said within LocationsAge, in the order of the ways, and
// then what passed by. While no way is known to work, what is older counts too. It is false when nothing is known; the list is
// empty when the site said a moment ago that there is no location. Locations hold no token: those are the sources'. Version 0
// of a package or an application is the greatest one that is known: clients ask distribution points for the files of a package
// without any.
func (s *Site) Known(c ccm.Content) ([]ccm.Location, bool) {
	t, now := s.terms.Load(), s.now()
	c = s.versioned(c)
	s.wanted.Store(&c)
	all := s.atlas.of(fold(c), append(namesOf(t.ways), passed))
	fresh := slices.DeleteFunc(slices.Clone(all), func(a said) bool { return !t.fresh(a, now) })
	if len(fresh) == 0 && !t.reachable(now) {
		fresh = somewhere(all)
	}
	return merge(fresh), len(fresh) > 0
}

// fresh tells whether an answer is offered without asking.
func (t *terms) fresh(a said, now time.Time) bool {
	if len(a.List) == 0 {
		return a.younger(recent, now)
	}
	return a.younger(t.age, now)
}

// somewhere leaves out of answers those without a location: old ones say nothing of today.
func somewhere(all []said) []said {
	return slices.DeleteFunc(all, func(a said) bool { return len(a.List) == 0 })
}

// merge makes one list of several, each location once.
func merge(all []said) (list []ccm.Location) {
	seen := map[string]bool{}
	for _, one := range all {
		for _, l := range one.List {
			if target := l.Target(); !seen[target] {
				seen[target] = true
				list = append(list, l)
			}
		}
	}
	return list
}

// Locate asks where a content is, by the way of that name, or for "" by the first that works, once for all who ask at the
// same time. An answer of the last 30 seconds is not asked for again; Known has the older ones. When nobody can be asked, or
// nobody answers soon, the last answer counts, however old it is. An empty list says that the site has no location, and is no
// error. Version 0 is as for Known, or else 1. Any trouble Is tokenbroker.ErrUnavailable and what the ways have
// said. The answer holds no token: those are the sources'.
func (s *Site) Locate(ctx context.Context, c ccm.Content, way string) (ccm.Locations, error) {
	c = s.versioned(c)
	if c.Kind != ccm.ClientPackage && (c.ID == "" || c.Version < 1) {
		return ccm.Locations{}, errors.New("locate content: a content other than the client package has an id and a version")
	}
	t := s.terms.Load()
	ways := t.named(way)
	if len(ways) == 0 {
		return ccm.Locations{}, newTrouble("locate content: no way to the site is called " + fmt.Sprintf("%.40q", way))
	}
	s.wanted.Store(&c)
	for _, a := range s.atlas.of(fold(c), namesOf(ways)) {
		if a.younger(recent, s.now()) {
			return a.copy(), nil
		}
	}
	spare := namesOf(ways)
	if way == "" {
		spare = append(spare, passed)
	}
	older := somewhere(s.atlas.of(fold(c), spare))
	found, err := s.relocate(ctx, t, ways, c, len(older) > 0)
	switch {
	case err == nil:
		return said{Locations: found}.copy(), nil
	case ctx.Err() != nil:
		return ccm.Locations{}, fmt.Errorf("locate content: %w", ctx.Err())
	case len(older) > 0:
		return youngest(older).copy(), nil
	}
	return ccm.Locations{}, err
}

// youngest is the last answer.
func youngest(all []said) said {
	return slices.MaxFunc(all, func(a, b said) int { return a.at.Compare(b.at) })
}

// copy is the answer with a list of its own.
func (s said) copy() ccm.Locations {
	found := s.Locations
	found.List, found.Hashes = slices.Clone(found.List), slices.Clone(found.Hashes)
	return found
}

// relocate asks ways where a content is, whatever is known.
func (s *Site) relocate(ctx context.Context, t *terms, ways []*way, c ccm.Content, spare bool) (ccm.Locations, error) {
	return round[ccm.Locations]{
		doing: "locate content", ways: ways, spare: spare, now: s.now,
		ask: func(w *way) *flight[ccm.Locations] { return s.locate(t, w, c, locating) },
	}.run(ctx)
}

// locate asks one way.
func (s *Site) locate(t *terms, w *way, c ccm.Content, l lane) *flight[ccm.Locations] {
	return s.located.join(s.workers, locateKey{w, fold(c)}, func(ctx context.Context, wanted func() bool) (found ccm.Locations, err error) {
		put := func(ctx context.Context, client Client) (err error) {
			found, err = client.Locate(ctx, c, t.place())
			return err
		}
		if err := s.ask(ctx, w, question{lane: l, about: &c, wanted: wanted, put: put}); err != nil {
			return ccm.Locations{}, err
		}
		return s.learn(t, w.name, c, found, w.secure), nil
	})
}
