package site

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// reveal is the text of a token as a server gets it.
func reveal(t tokenbroker.Token) string {
	h := http.Header{}
	tokenbroker.Presentation{}.Apply(t, h)
	return strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
}

// gives asks a source for a token and checks it, and how long it took. "" stands for an error that a chain goes on at.
func (w *world) gives(t *testing.T, way, audience, want string, within time.Duration) tokenbroker.Token {
	t.Helper()
	begun := time.Now()
	got, err := w.Source(way).Token(t.Context(), audience)
	if text := reveal(got); text != want || (err == nil) != (want != "") {
		t.Errorf("%s has %q for %s (%v), want %q", way, text, audience, err, want)
	}
	if _, vouched := errors.AsType[tokenbroker.Failure](err); err != nil && (!vouched || !errors.Is(err, tokenbroker.ErrUnavailable)) {
		t.Errorf("the error is %v: not one that a chain goes on at", err)
	}
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(begun); took > within {
		t.Errorf("%s for %s took %v, want %v at most", way, audience, took, within)
	}
	return got
}

// issuing gives tokens "<name>1", "<name>2" … that live that long, after a pause.
func issuing(t testing.TB, name string, life, pause time.Duration) func(context.Context, ccm.Content) (ccm.Token, error) {
	n := 0
	var mu sync.Mutex
	return func(context.Context, ccm.Content) (ccm.Token, error) {
		<-time.After(pause)
		mu.Lock()
		defer mu.Unlock()
		n++
		return tokenOf(t, name+string(rune('0'+n)), life), nil
	}
}

func TestSourceNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, &fake{})
		for way, want := range map[string]string{"mp": "management-point", "cmg": "gateway", "other": "other"} {
			if got := w.Source(way); got.Name() != want || got != w.Source(way) {
				t.Errorf("the source of %q is called %q, want %q, and is another one each time", way, got.Name(), want)
			}
		}
		w.gives(t, "cmg", "site", "", 0) // there is no gateway
	})
}

// TestSiteToken checks that a token is asked for once for all, kept, replaced ahead of its end, and outlives a failed
// renewal.
func TestSiteToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", time.Hour, time.Second)}
		w := newWorld(t, Config{}, mp)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { w.gives(t, "mp", "site", "m1", time.Second) })
		}
		all.Wait()
		elapse(55*time.Minute - 2*time.Second)
		got := w.gives(t, "mp", "site", "m1", 0)
		if ends := time.Until(got.Expires()); ends <= 5*time.Minute || ends > 6*time.Minute {
			t.Errorf("the token ends in %v", ends)
		}
		elapse(2 * time.Second)
		w.gives(t, "mp", "site", "m2", time.Second)
		mp.token = func(context.Context, ccm.Content) (ccm.Token, error) { return ccm.Token{}, problem(unreachable) }
		elapse(56 * time.Minute)
		w.gives(t, "mp", "site", "m2", 0)
		elapse(5 * time.Minute)
		w.gives(t, "mp", "site", "", 0)
		if n := mp.count("token"); n != 4 {
			t.Errorf("asked %d times, want 4", n)
		}
	})
}

// TestShortTokens checks tokens that live five seconds: there is one question for each half of such a life.
func TestShortTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", 5*time.Second, 0)}
		w := newWorld(t, Config{}, mp)
		for _, want := range []string{"m1", "m1", "m1", "m2", "m2", "m2", "m3"} {
			w.gives(t, "mp", "site", want, 0)
			elapse(time.Second)
		}
	})
}

// TestNoToken checks a site that has no token: it works, is not asked again at once, and Status says why.
func TestNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{}
		w := newWorld(t, Config{}, mp)
		for range 5 {
			w.gives(t, "mp", "site", "", 0)
		}
		if n := mp.count("token"); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
		if got := w.state("mp"); got.State != "ok" || !strings.Contains(got.TokenError, "the answer has no token") {
			t.Errorf("the status is %+v", got)
		}
		if w.result(t, "mp", "no-token") != 1 {
			t.Error("the question is not counted")
		}
		mp.token = issuing(t, "m", time.Hour, 0)
		elapse(missingHold)
		w.gives(t, "mp", "site", "m1", 0)
		if got := w.state("mp"); got.TokenError != "" {
			t.Errorf("the status is %+v", got)
		}
	})
}

// TestTokenQuestion checks with which contents a token is asked for.
func TestTokenQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{}
		w := newWorld(t, Config{}, mp)
		w.Known(pkg("PS100009"))
		w.gives(t, "mp", "site", "", 0)
		if !slices.Equal(mp.contents, []string{"PS100009", ""}) {
			t.Errorf("asked with %q, want with what was wanted, and then the client package", mp.contents)
		}
		mp.locate = at(0, "dp1")
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		w.Known(pkg("PS100002"))
		mp.contents = nil
		mp.token = func(_ context.Context, c ccm.Content) (ccm.Token, error) {
			if c.ID == "PS100001" {
				return tokenOf(t, "m1", time.Hour), nil
			}
			return ccm.Token{}, problem(ccm.ErrNoToken)
		}
		elapse(missingHold)
		w.gives(t, "mp", "site", "m1", 0)
		if !slices.Equal(mp.contents, []string{"PS100001"}) {
			t.Errorf("asked with %q, want with what has a location that wants a token", mp.contents)
		}
	})
}

// TestRefusedToken checks that a refused token is forgotten everywhere, and does not come back through another answer, but
// that the site is asked for another one again and again.
func TestRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same := tokenOf(t, "same", time.Hour)
		mp := &fake{token: func(context.Context, ccm.Content) (ccm.Token, error) { return same, nil }}
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			return ccm.Locations{List: []ccm.Location{onDP("dp1", c)}, Token: same}, nil
		}
		w := newWorld(t, Config{}, mp)
		got := w.gives(t, "mp", "site", "same", 0)
		forgetter := w.Source("mp").(tokenbroker.Forgetter)
		forgetter.Forget("site", got)
		if !slices.Equal(mp.forgotten, []string{"same"}) {
			t.Errorf("the client was told to forget %q", mp.forgotten)
		}
		w.gives(t, "mp", "site", "", 0)
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		w.gives(t, "mp", "site", "", 0)
		asked := mp.count("token")
		same = tokenOf(t, "another", time.Hour)
		elapse(missingHold)
		w.gives(t, "mp", "site", "another", 0)
		if n := mp.count("token"); asked != 1+1 || n != asked+1 {
			t.Errorf("asked %d times and then %d, want 2 and 3", asked, n)
		}
		forgetter.Forget("nobody's", got)
		same = tokenOf(t, "same", time.Hour)
		elapse(refusalHold)
		forgetter.Forget("site", w.gives(t, "mp", "site", "another", 0))
		w.gives(t, "mp", "site", "same", 0) // a server may refuse by mistake
	})
}

// TestTokensOfLocations checks what the tokens of an answer are noted for.
func TestTokensOfLocations(t *testing.T) {
	const cloudHost = "cloud.example.org"
	for _, c := range []struct {
		name  string
		list  string // locations: a DP that wants a token, an open one, a cloud one; in upper case with a token of its own
		token string // of the whole answer
		want  map[string]string
	}{
		{"for all", "dc", "general", map[string]string{"site": "general", cloudHost: "general"}},
		{"the cloud's own", "dC", "general", map[string]string{"site": "general", cloudHost: "own"}},
		{"of one location", "oD", "", map[string]string{"site": "own"}},
		{"the first counts", "Dd", "general", map[string]string{"site": "own"}},
		{"for the cloud only", "oc", "general", map[string]string{cloudHost: "general"}},
		{"nobody wants it", "o", "general", map[string]string{"site": "general"}},
		{"none", "oc", "", map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reply ccm.Locations
				for i, letter := range c.list {
					l := onDP(fmt.Sprint("dp", i), pkg("PS100001"))
					switch letter {
					case 'o':
						l = ccm.Location{URL: "http://dp3/SMS_DP_SMSPKG$/PS100001", Access: ccm.AccessOpen}
					case 'c', 'C':
						l = inCloudAt(t, "Cloud.example.org:443", "cid=PS100001")
					}
					if letter < 'a' {
						l.Token = tokenOf(t, "own", time.Hour)
					}
					reply.List = append(reply.List, l)
				}
				if c.token != "" {
					reply.Token = tokenOf(t, c.token, time.Hour)
				}
				mp := &fake{locate: func(context.Context, ccm.Content) (ccm.Locations, error) { return reply, nil }}
				w := newWorld(t, Config{}, mp)
				found, err := w.Locate(t.Context(), pkg("PS100001"), "")
				must(t, err)
				for _, l := range found.List {
					if !l.Token.IsZero() {
						t.Error("a token leaves by another door than the source")
					}
				}
				for _, audience := range []string{"site", cloudHost} {
					asked := mp.count("token") + mp.count("locate")
					w.gives(t, "mp", audience, c.want[audience], 0)
					if c.want[audience] != "" && mp.count("token")+mp.count("locate") != asked {
						t.Errorf("the site is asked for the token for %s, which came with locations", audience)
					}
				}
			})
		})
	}
}

// TestCloudToken checks that the token of a cloud distribution point is renewed by locating a content that is there.
func TestCloudToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		mp := &fake{}
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			n++
			l := inCloudAt(t, "cloud.example.org", "cid="+c.ID)
			if c.ID == "PS100002" {
				return ccm.Locations{List: []ccm.Location{l}}, nil
			}
			l.Token = tokenOf(t, "c"+string(rune('0'+n)), 8*time.Hour)
			return ccm.Locations{List: []ccm.Location{l}}, nil
		}
		w := newWorld(t, Config{}, mp)
		w.gives(t, "mp", "cloud.example.org", "", 0) // nothing is known to be there
		if mp.count("locate") != 0 {
			t.Error("a host that nobody has named is asked about")
		}
		w.wants(t, pkg("PS100001"), "", "cloud.example.org", 0)
		w.wants(t, pkg("PS100002"), "", "cloud.example.org", 0)
		first := w.gives(t, "mp", "cloud.example.org", "c1", 0)
		elapse(8*time.Hour - 5*time.Minute)
		w.gives(t, "mp", "cloud.example.org", "c4", 0) // the latest content gave none, the one before did
		w.Source("mp").(tokenbroker.Forgetter).Forget("cloud.example.org", first)
		w.gives(t, "mp", "cloud.example.org", "c4", 0) // an old refusal tells nothing of the new one
	})
}

// TestSourceDoesNotWait checks that a source that is silent does not hold up the chain while another one works.
func TestSourceDoesNotWait(t *testing.T) {
	hang := func(ctx context.Context, _ ccm.Content) (ccm.Token, error) { return ccm.Token{}, silent(ctx) }
	for _, c := range []struct {
		name   string
		ways   []string // that are sources
		within time.Duration
		least  time.Duration
	}{
		{"another source works", []string{"mp", "cmg"}, patience, 0},
		{"another way is no source", []string{"mp"}, 20 * time.Second, 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp, cmg := &fake{token: hang}, &fake{token: issuing(t, "g", time.Hour, 0)}
				w := newWorld(t, Config{}, mp, cmg)
				for _, way := range c.ways {
					w.Source(way)
				}
				begun := time.Now()
				w.gives(t, "mp", "site", "", c.within)
				if took := time.Since(begun); took < c.least {
					t.Errorf("it took %v, want %v", took, c.least)
				}
				w.gives(t, "cmg", "site", "g1", 0)
				elapse(time.Minute)
				w.gives(t, "mp", "site", "", c.least) // it finds out, on the side where another one works
			})
		})
	}
}

// TestPassedToken checks that a token of a passing answer is what the sources fall back on, and only where it may be used.
func TestPassedToken(t *testing.T) {
	reader, err := ccm.NewReplyReader(ccm.LocationSettings{}, ccm.DPTokenSettings{})
	must(t, err)
	reply := passingReply("https://dp1/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001", canary)
	for _, c := range []struct {
		name   string
		tokens bool
		mp     *fake
		want   string
	}{
		{"may be used, nobody else has one", true, &fake{}, canary},
		{"may be used, the site does not answer", true, &fake{token: func(context.Context, ccm.Content) (ccm.Token, error) { return ccm.Token{}, problem(unreachable) }}, canary},
		{"may be used, the site has one", true, &fake{token: issuing(t, "m", time.Hour, 0)}, "m1"},
		{"may not be used", false, &fake{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Replies: reader}, c.mp)
				w.Passed(pkg("PS100001"), reply, c.tokens)
				if list, ok := w.Known(pkg("PS100001")); located(list) != "dp1" || !ok || !list[0].Token.IsZero() {
					t.Errorf("known is %q, %v", located(list), ok)
				}
				got := w.gives(t, "mp", "site", c.want, 0)
				if c.want != canary {
					return
				}
				w.gives(t, "cmg", "site", canary, 0) // although there is no such way
				w.Source("cmg").(tokenbroker.Forgetter).Forget("site", got)
				w.gives(t, "mp", "site", "", 0)
			})
		})
	}
}

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
