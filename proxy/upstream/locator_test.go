package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// fakeSite knows where content is.
type fakeSite struct {
	mu     sync.Mutex
	known  []Location
	found  []Location // what Locate finds
	err    error      // of Locate
	asked  int        // how often Locate was
	ids    map[content.ID]bool
	before func() // Locate answers
}

func (f *fakeSite) Known(id content.ID) []Location {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[content.ID]bool{}
	}
	f.ids[id] = true
	return f.known
}

func (f *fakeSite) Locate(ctx context.Context, id content.ID) ([]Location, error) {
	f.mu.Lock()
	f.asked++
	before, found, err := f.before, f.found, f.err
	f.mu.Unlock()
	if before != nil {
		before()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return found, err
}

func (f *fakeSite) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// TestTheSiteIsAskedLast: when others failed or did not let us in, once for each turn, and not for what they have answered.
func TestTheSiteIsAskedLast(t *testing.T) {
	data := randomBytes(70, 1000)
	for _, tt := range []struct {
		name   string
		raw    string
		script func(*fakeDP) http.HandlerFunc
		asked  int
		err    error // without the DP that the site finds
	}{
		{"served", immutable, func(d *fakeDP) http.HandlerFunc { return d.serve }, 0, nil},
		{"missing", immutable, func(*fakeDP) http.HandlerFunc { return statusOf(404) }, 0, cache.ErrMissing},
		{"broken", immutable, func(*fakeDP) http.HandlerFunc { return statusOf(500) }, 1, cache.ErrUnreachable},
		{"refused", immutable, func(*fakeDP) http.HandlerFunc { return statusOf(401) }, 1, cache.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b, other := newDP(t, data), newDP(t, data), newDP(t, data)
			a.setScript(tt.script(a))
			b.setScript(tt.script(b))
			site := &fakeSite{err: errors.New("no answer")}
			p := testPool(t, Config{Locations: at(a, b), Locator: site})
			s := p.Source(targetAt(t, p, a.URL, tt.raw))
			if _, err := s.Stat(t.Context()); !errors.Is(err, tt.err) || site.asked != tt.asked {
				t.Errorf("Stat: %v, and the site was asked %d times; want %v, and %d times", err, site.asked, tt.err, tt.asked)
			}
			site.set(func() { site.asked, site.err, site.found = 0, nil, []Location{{Base: a.URL}, {Base: other.URL}} })
			if tt.asked > 0 {
				mustRead(t, s, nil, 0, 1000, data)
			}
			if site.asked != tt.asked || int(other.requests.Load()) != tt.asked {
				t.Errorf("the site was asked %d times, and whom it found %d times; want %d", site.asked, other.requests.Load(), tt.asked)
			}
		})
	}
}

// TestKnownDPsGoOn at the exact byte, before the configured ones, without the site being asked.
func TestKnownDPsGoOn(t *testing.T) {
	data := randomBytes(71, 100_000)
	a, configured, known := newDP(t, data), newDP(t, data), newDP(t, data)
	a.setScript(a.cutAfter(t, 33_333))
	known.modified = modified.Add(time.Hour) // it may date the same bytes otherwise
	site := &fakeSite{known: []Location{{Base: known.URL}}}
	p := testPool(t, Config{Locations: at(a, configured), Locator: site})
	target := targetAt(t, p, a.URL, immutable)
	target.Header = http.Header{"Authorization": {"Bearer mine"}, "X-Token": {"mine"}, "Cookie": {"mine"}}
	mustRead(t, p.Source(target), nil, 0, 100_000, data)
	if a, b := a.sent.Load(), known.sent.Load(); a != 33_333 || b != 66_667 {
		t.Errorf("%d and %d bytes were sent, want 33333 and 66667", a, b)
	}
	if site.asked != 0 || configured.requests.Load() != 0 {
		t.Errorf("the site was asked %d times and another DP %d times", site.asked, configured.requests.Load())
	}
	if got := fmt.Sprint(known.lastHeader()); strings.Contains(got, "mine") {
		t.Errorf("a DP that the client did not name saw %s", got)
	}
	if len(site.ids) != 1 || !site.ids[target.ID] {
		t.Errorf("the site was asked about %v", site.ids)
	}
	var shown []string
	for _, s := range p.Status() {
		shown = append(shown, fmt.Sprintf("%v %v %d", s.Configured, s.Located, s.Requests))
	}
	if got, want := strings.Join(shown, ", "), "true false 1, true false 0, false true 1"; got != want {
		t.Errorf("shown are %s, want %s", got, want)
	}
}

// TestTokensOfLocatedDPs go over TLS, for the audience that the site gives, and to nobody whom it gives none.
func TestTokensOfLocatedDPs(t *testing.T) {
	data := randomBytes(72, 1000)
	a := newDP(t, data)
	a.setScript(statusOf(http.StatusUnauthorized))
	for _, tt := range []struct {
		name     string
		location func(plain, secure *fakeDP) Location
		served   bool
		asked    int // how often the plain server is
	}{
		{"https", func(_, s *fakeDP) Location { return Location{Base: s.URL, Audience: "site"} }, true, 0},
		{"http with a token endpoint", func(p, s *fakeDP) Location {
			return Location{Base: p.URL, TokenBase: s.URL, Audience: "site"}
		}, true, 1},
		{"no audience", func(_, s *fakeDP) Location { return Location{Base: s.URL} }, false, 0},
		{"a token endpoint in clear", func(p, _ *fakeDP) Location {
			return Location{Base: p.URL, TokenBase: p.URL, Audience: "site"}
		}, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, secure := newDP(t, data), newTLSDP(t, data)
			plain.setScript(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-CCM-Token") != "" {
					t.Error("a token was sent in clear")
				}
				w.WriteHeader(http.StatusUnauthorized)
			})
			secure.setScript(secure.wantsToken("site-1"))
			tokens := &fakeTokens{left: 1}
			p := testPool(t, Config{Locations: at(a), Tokens: tokens, RootCAs: roots(secure),
				Locator: &fakeSite{known: []Location{tt.location(plain, secure)}}})
			got, _, err := readAll(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, 0, 1000)
			if (err == nil) != tt.served || tt.served && string(got) != string(data) {
				t.Errorf("%d bytes, %v; want them: %v", len(got), err, tt.served)
			}
			if n := int(plain.requests.Load()); n != tt.asked {
				t.Errorf("the plain DP was asked %d times, want %d", n, tt.asked)
			}
			if got := fmt.Sprint(tokens.asked); tt.served != (got == "[site]") {
				t.Errorf("tokens were asked for %s", got)
			}
		})
	}
}

// TestTheClientsTokenGoesToItsAudience: to a DP that the site names for the same one, when there is no token of ours, and to no
// other.
func TestTheClientsTokenGoesToItsAudience(t *testing.T) {
	data := randomBytes(75, 1000)
	for audience, want := range map[string]string{"site": "shown", "another": ""} {
		a, located := newTLSDP(t, data), newTLSDP(t, data)
		a.setScript(statusOf(http.StatusServiceUnavailable))
		p := testPool(t, Config{Locations: []Location{{Base: a.URL, Audience: "site"}}, RootCAs: roots(a, located),
			Tokens: &fakeTokens{}, TokenHeader: "X-CCM-Token",
			Locator: &fakeSite{known: []Location{{Base: located.URL, Audience: audience, Secure: true}}}})
		target := targetAt(t, p, a.URL, "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a.exe")
		target.Header = http.Header{"X-Ccm-Token": {"shown"}}
		mustRead(t, p.Source(target), nil, 0, 1000, data)
		located.mu.Lock()
		got := located.heads[0].Get("X-CCM-Token")
		located.mu.Unlock()
		if got != want || a.lastHeader().Get("X-CCM-Token") != "shown" {
			t.Errorf("a DP for %q saw %q, want %q", audience, got, want)
		}
	}
}

// TestTheSiteVouchesForTheNamedDP, which is not configured: it has a token endpoint then. It is asked in the client's own words
// first, and is one DP.
func TestTheSiteVouchesForTheNamedDP(t *testing.T) {
	data := randomBytes(73, 1000)
	plain, secure := newDP(t, data), newTLSDP(t, data)
	plain.setScript(statusOf(http.StatusUnauthorized))
	secure.setScript(secure.wantsToken("site-1"))
	site := &fakeSite{found: []Location{{Base: plain.URL, TokenBase: secure.URL, Audience: "site"}}}
	p := testPool(t, Config{Tokens: &fakeTokens{left: 1}, RootCAs: roots(secure), Locator: site})
	target := targetAt(t, p, plain.URL, immutable)
	target.Header = http.Header{"X-Own": {"mine"}}
	mustRead(t, p.Source(target), nil, 0, 1000, data)
	if plain.lastHeader().Get("X-Own") != "mine" || secure.lastHeader().Get("X-Own") != "" {
		t.Errorf("the named DP saw %v, its token endpoint %v", plain.lastHeader(), secure.lastHeader())
	}
	site.set(func() { site.known, site.asked = site.found, 0 })
	asked := plain.requests.Load()
	mustRead(t, p.Source(target), nil, 0, 1000, data)
	if plain.requests.Load() != asked || site.asked != 0 {
		t.Errorf("the second file asked the plain directory %d times and the site %d times", plain.requests.Load()-asked, site.asked)
	}
}

// TestTheSiteIsAskedInEachRound of a download that has begun, until it names somebody who serves.
func TestTheSiteIsAskedInEachRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(74, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"b": serveFile(data, 1000, nil)})
		n.hosts["a:80"] = &memoryHost{handler: serveFile(data, 400, func(*http.Request) {
			n.set("a", true)
			panic(http.ErrAbortHandler)
		})}
		site := &fakeSite{err: errors.New("the site is away, too")}
		p := testPool(t, Config{Locations: lab("a"), Locator: site, Dial: n.dial, GiveUpAfter: 2 * time.Minute})
		time.AfterFunc(time.Minute, func() { site.set(func() { site.err, site.found = nil, lab("b") }) })
		began := time.Now()
		mustRead(t, p.Source(targetAt(t, p, "http://a:80", immutable)), nil, 0, 1000, data)
		if d := time.Since(began); d < time.Minute || d > time.Minute+maxPause {
			t.Errorf("it took %v, want a minute and a pause at most", d)
		}
		if dials := n.dials("a"); site.asked > dials || site.asked < 5 {
			t.Errorf("the site was asked %d times in %d rounds", site.asked, dials)
		}
	})
}

// TestASiteThatHangs is waited for as long as a DP, and not beyond the caller.
func TestASiteThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemoryNet(map[string]http.HandlerFunc{"a": statusOf(500)})
		site := &hangingSite{}
		p := testPool(t, Config{Locations: lab("a"), Locator: site, Dial: n.dial, HeaderTimeout: 15 * time.Second})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		began := time.Now()
		if _, err := s.Stat(t.Context()); !errors.Is(err, cache.ErrUnreachable) || time.Since(began) != 15*time.Second {
			t.Errorf("%v after %v, want ErrUnreachable after 15s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := s.Stat(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the caller left after a second: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, p.Close)
		if _, err := s.Stat(t.Context()); !errors.Is(err, errClosed) {
			t.Errorf("the pool was closed: %v", err)
		}
	})
}

type hangingSite struct{ fakeSite }

func (*hangingSite) Locate(ctx context.Context, _ content.ID) ([]Location, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
