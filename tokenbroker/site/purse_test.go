package site

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// TestPurse checks by random operations against a naive model that the purse never gives a token that has ended, was refused
// or is for another audience, and gives one whenever it has one.
func TestPurse(t *testing.T) {
	type held struct {
		audience, from string
		token          ccm.Token
	}
	synctest.Test(t, func(t *testing.T) {
		p, random := newPurse(), randomOf(t)
		var all []held
		refused := map[string]time.Time{}
		for i := range 20000 {
			h := held{[]string{"a", "b"}[random.IntN(2)], []string{"mp", "cmg", passed}[random.IntN(3)], ccm.Token{}}
			switch random.IntN(4) {
			case 0:
				h.token = tokenOf(t, "t"+string(rune('a'+random.IntN(20))), time.Duration(random.IntN(100))*time.Minute)
				p.take(h.audience, h.from, h.token, time.Now())
				if !time.Now().Before(refused[h.audience+h.token.Reveal()]) {
					all = append(all, h)
				}
			case 1:
				if n, _, ok := p.best(h.audience, []string{h.from}, time.Now()); ok && random.IntN(10) == 0 {
					p.refuse(h.audience, n.out.Fingerprint(), time.Now())
					refused[h.audience+n.token.Reveal()] = time.Now().Add(refusalHold)
					all = slices.DeleteFunc(all, func(o held) bool { return o.audience == h.audience && o.token.Reveal() == n.token.Reveal() })
				}
			case 2:
				elapse(time.Duration(random.IntN(100)) * time.Second)
				all = slices.DeleteFunc(all, func(o held) bool { return over(o.token, time.Now()) })
			case 3:
				n, fresh, ok := p.best(h.audience, []string{h.from}, time.Now())
				mine := slices.DeleteFunc(slices.Clone(all), func(o held) bool { return o.audience != h.audience || o.from != h.from })
				given := slices.ContainsFunc(mine, func(o held) bool {
					return o.token.Reveal() == n.token.Reveal() && o.token.Expires.Equal(n.token.Expires)
				})
				if ok != given || fresh && !ok || fresh && h.from == passed {
					t.Fatalf("step %d: %v and fresh %v for %s by %s, of %d that could be", i, ok, fresh, h.audience, h.from, len(mine))
				}
			}
		}
		if len(all) == 0 || len(refused) == 0 {
			t.Error("nothing was tried")
		}
	})
}

// TestPurseBounds checks that refusals and audiences do not pile up.
func TestPurseBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPurse()
		for i := range 4 * maxAudiences {
			name := strings.Repeat("x", i)
			p.take(name, "mp", tokenOf(t, "t", 0), time.Now())
			p.refuse("x", name, time.Now())
			p.visit("x", pkg(name))
			p.visit("", pkg(name))
		}
		if p.pockets.Len() != maxAudiences || len(p.pocket("x").refused) != maxRefused || len(p.places("x")) != maxPlaces {
			t.Errorf("%d audiences, %d refusals, %d places", p.pockets.Len(), len(p.pocket("x").refused), len(p.places("x")))
		}
	})
}
