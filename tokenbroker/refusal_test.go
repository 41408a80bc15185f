package tokenbroker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// visit goes to a host as its callers do: with the token in use, and with another one when that is refused. It returns the token
// that got in, or "", and how many were shown.
func (w *world) visit(t *testing.T, host string, admits func(secret string) bool) (in string, shown int) {
	t.Helper()
	var first, last Stamp
	for range 6 {
		h := http.Header{}
		stamp, err := Stamp(0), error(nil)
		if last == 0 {
			stamp, err = w.Authorize(t.Context(), "site", h)
			first = stamp
		} else {
			stamp, err = w.Another(t.Context(), "site", first, host, h)
		}
		if err != nil || stamp == last {
			break
		}
		shown++
		secret := strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
		if admits(secret) {
			w.Broker.Accepted("site", stamp, host)
			return secret, shown
		}
		w.Broker.Refused("site", stamp, host)
		last = stamp
	}
	return "", shown
}

func none(string) bool { return false }
func all(string) bool  { return true }
func only(secrets ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(secrets, s) }
}

// TestAHostThatRefusesGoodTokens takes them from nobody, whether the place gives the same token until it ends or another one each
// time, and whether it is asked before the others or after them.
func TestAHostThatRefusesGoodTokens(t *testing.T) {
	for _, first := range []bool{true, false} {
		for _, same := range []bool{true, false} {
			t.Run(fmt.Sprintf("asked first %v, the same token %v", first, same), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mp := lasting("mp", time.Hour, 0)
					if same {
						mp = always("mp", "token", nil)
					}
					src := &forgetful{fake: mp}
					w := newWorld(t, Config{Sources: []Source{src}, MaxAge: time.Hour})
					if !first {
						w.visit(t, "good", all)
					}
					for second := range 100 {
						if in, _ := w.visit(t, "bad", none); in != "" {
							t.Fatal("it let somebody in")
						}
						if in, shown := w.visit(t, "good", all); in == "" || shown != 1 {
							t.Fatalf("after %d s the others let in %q, and were shown %d tokens", second, in, shown)
						}
						elapse(time.Second)
					}
					if n := mp.count(); n > 5 {
						t.Errorf("100 requests to a host that refuses everything cost %d fetches", n)
					}
					if len(src.forgotten) == 0 {
						t.Error("the place was not asked anew")
					}
				})
			})
		}
	}
}

// TestAHostThatRefusesForHours is in nobody's way either when tokens are renewed, or end.
func TestAHostThatRefusesForHours(t *testing.T) {
	for _, revoked := range []bool{false, true} {
		for name, src := range map[string]Source{"a new one each time": lasting("mp", time.Hour, 0), "one that is remembered": &remembering{}} {
			t.Run(fmt.Sprintf("revoked %v, %s", revoked, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, Config{Sources: []Source{src}})
					ended := map[string]bool{}
					for n := range 4 * 60 * 6 {
						w.visit(t, "bad", none)
						in, _ := w.visit(t, "good", func(s string) bool { return !ended[s] })
						if in == "" {
							t.Fatalf("after %v nothing opens the others", time.Duration(n)*10*time.Second)
						}
						if revoked && n%500 == 250 {
							ended[in] = true
						}
						elapse(10 * time.Second)
					}
				})
			})
		}
	}
}

// TestATokenOfAClientAndAHostThatRefusesIt: what one host refuses of it opens the others all the same.
func TestATokenOfAClientAndAHostThatRefusesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource()}, MaxAge: 8 * time.Hour})
		w.Observe("site", bearer("c1"))
		w.visit(t, "good", all)
		for n := range 200 {
			now := "c1"
			if n > 50 {
				now = "c2" // the client has a new one, and the first has ended
			}
			w.Observe("site", bearer(now))
			w.visit(t, "bad", none)
			if in, _ := w.visit(t, "good", only(now)); in != now {
				t.Fatalf("after %d s the others let in %q", n, in)
			}
			elapse(time.Second)
		}
	})
}

// TestPresentedAgainAndAgain: a token that a client shows with each request starts no search with each.
func TestPresentedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := always("mp", "site's", nil)
		w := newWorld(t, Config{Sources: []Source{NewRequestSource(), mp}, MaxAge: time.Hour})
		w.visit(t, "good", only("site's"))
		for range 100 {
			w.Observe("site", bearer("own"))
			w.visit(t, "bad", none)
			elapse(10 * time.Millisecond)
		}
		if n := mp.count(); n > 3 {
			t.Errorf("100 requests in a second cost %d questions", n)
		}
	})
}

// TestOneRefusalOfAHostThatTookIt, as for one folder, or while it begins, leaves a token to the others that no source has another for.
func TestOneRefusalOfAHostThatTookIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("file", "only", nil)}, MaxAge: time.Hour})
		w.visit(t, "a", all)
		w.visit(t, "a", none)
		for range 100 {
			if in, _ := w.visit(t, "b", all); in != "only" {
				t.Fatalf("let in %q", in)
			}
			elapse(time.Second)
		}
	})
}

// TestAHostThatCannotDecide lets a token in and refuses it, in turn, as two servers of one name may.
func TestAHostThatCannotDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := lasting("mp", time.Hour, 0)
		w := newWorld(t, Config{Sources: []Source{mp}})
		for second := range 100 {
			for _, admits := range []func(string) bool{all, none} {
				w.visit(t, "dp", admits)
			}
			if in, _ := w.visit(t, "other", all); in == "" {
				t.Fatalf("after %d s there is no token", second)
			}
			elapse(time.Second)
		}
		if n := mp.count(); n > 10 {
			t.Errorf("it cost %d fetches in 100 s", n)
		}
	})
}

// TestATokenThatHasEnded costs one fetch, whoever is asked first when it has.
func TestATokenThatHasEnded(t *testing.T) {
	for name, hosts := range map[string][]string{
		"a host that took it":                {"a", "b", "a", "b"},
		"a host that never saw it":           {"c", "a", "b", "c"},
		"only a host that never saw it":      {"c", "c", "c", "c"},
		"first the one, then the other kind": {"a", "c", "c", "b"},
	} {
		for _, quiet := range []time.Duration{0, 2 * refusalHold} {
			t.Run(fmt.Sprintf("%s, after %v", name, quiet), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mp := lasting("mp", 10*time.Hour, time.Second)
					w := newWorld(t, Config{Sources: []Source{mp}})
					for _, host := range []string{"a", "b"} {
						w.visit(t, host, all)
					}
					elapse(quiet)
					for _, host := range hosts {
						var callers sync.WaitGroup
						for range 50 {
							callers.Go(func() {
								if in, _ := w.visit(t, host, only("mp-2")); in != "mp-2" {
									t.Errorf("%s let in %q", host, in)
								}
							})
						}
						callers.Wait()
					}
					if n := mp.count(); n != 2 {
						t.Errorf("%d fetches, want 2", n)
					}
				})
			})
		}
	}
}

// TestOneThatEndsAgain does so within the half minute in which a refusal counts once.
func TestOneThatEndsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := lasting("mp", time.Hour, 0)
		w := newWorld(t, Config{Sources: []Source{mp}})
		for n, good := range []string{"mp-1", "mp-2", "mp-3"} {
			if in, _ := w.visit(t, "dp", only(good)); in != good || mp.count() != n+1 {
				t.Errorf("let in %q after %d fetches, want %q", in, mp.count(), good)
			}
			elapse(time.Second)
		}
	})
}

// TestAStaleFirstSource gives way for good to one whose token opens the door.
func TestAStaleFirstSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := always("file", "stale", nil)
		w := newWorld(t, Config{Sources: []Source{file, always("mp", "good", nil)}, MaxAge: time.Hour})
		for n, want := range []int{2, 1, 1} {
			if in, shown := w.visit(t, "dp", only("good")); in != "good" || shown != want {
				t.Errorf("visit %d: let in %q after %d tokens, want %d", n, in, shown, want)
			}
		}
	})
}

// TestHostsWithTokensOfTheirOwn are of two sites that share an audience: each opens to the token of another source.
func TestHostsWithTokensOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("first", "a", nil), always("second", "b", nil)}, MaxAge: time.Hour})
		for _, pause := range []time.Duration{time.Second, 90 * time.Second} {
			for n := range 300 {
				for _, own := range []string{"a", "b"} {
					if in, _ := w.visit(t, "dp-"+own, only(own)); in != own && pause == time.Second {
						t.Fatalf("visit %d: the host that takes %q let in %q", n, own, in)
					}
				}
				elapse(pause)
			}
		}
	})
}

// TestNewsAboutATokenInDoubt: what is handed in or presented meanwhile is tried at once.
func TestNewsAboutATokenInDoubt(t *testing.T) {
	for name, tell := range map[string]func(*world){
		"handed in": func(w *world) { _ = w.Set("site", "new", time.Time{}) },
		"presented": func(w *world) { w.Observe("site", bearer("new")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Sources: []Source{newTaskSequence(t), NewRequestSource(), always("file", "old", nil)}, MaxAge: time.Hour})
				if in, _ := w.visit(t, "dp", only("new")); in != "" {
					t.Fatalf("let in %q", in)
				}
				tell(w)
				if in, _ := w.visit(t, "dp", only("new")); in != "new" {
					t.Errorf("let in %q", in)
				}
			})
		})
	}
}

// TestGarbageOfManyClients: what clients made up is tried and dropped, one after the other, without a pause.
func TestGarbageOfManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := always("mp", "good", nil)
		w := newWorld(t, Config{Sources: []Source{NewRequestSource(), mp}, MaxAge: time.Hour})
		for i := range maxOffers {
			w.Observe("site", bearer(fmt.Sprint("garbage-", i)))
		}
		for n := range maxOffers {
			if in, _ := w.visit(t, "dp", only("good")); in == "good" {
				return
			}
			if n > maxOffers/2 {
				t.Errorf("%d requests were refused", n+1)
			}
		}
		t.Error("the good one was never tried")
	})
}

// remembering is a source that answers from memory until it is told to forget.
type remembering struct {
	mu   sync.Mutex
	n    int
	held Token
}

func (*remembering) Name() string { return "mp" }

func (r *remembering) Token(context.Context, string) (Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held.reveal == nil {
		r.n++
		var err error
		if r.held, err = NewToken(fmt.Sprint("mp-", r.n), time.Now().Add(time.Hour)); err != nil {
			return Token{}, err
		}
	}
	return r.held, nil
}

func (r *remembering) Forget(_ string, t Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held.Fingerprint() == t.Fingerprint() {
		r.held = Token{}
	}
}

// TestASourceThatRemembers is asked for more than it remembers when a host refuses that.
func TestASourceThatRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &remembering{}
		w := newWorld(t, Config{Sources: []Source{src}})
		w.visit(t, "a", all)
		if in, _ := w.visit(t, "b", only("mp-2")); in != "mp-2" {
			t.Errorf("let in %q", in)
		}
		if in, _ := w.visit(t, "a", only("mp-2")); in != "mp-2" || src.n != 2 {
			t.Errorf("let in %q after %d fetches", in, src.n)
		}
	})
}

// place gives out the one token that is good there until it is revoked. A source asks it when it remembers none.
type place struct {
	remembering
	good func() string
}

func (p *place) Token(context.Context, string) (Token, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held.reveal == nil || p.held.expired(time.Now()) {
		p.n++
		var err error
		if p.held, err = NewToken(p.good(), time.Now().Add(time.Hour)); err != nil {
			return Token{}, err
		}
	}
	return p.held, nil
}

// TestAnyCourseOfRefusals compares with the simplest model: a host that takes the good token of the place is open to us, whatever
// others refuse, as long as no more than three tokens are revoked within a few minutes; and the place is asked seldom.
func TestAnyCourseOfRefusals(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for course := range 60 {
		synctest.Test(t, func(t *testing.T) {
			version, began := 1, time.Now()
			site := &place{good: func() string { return fmt.Sprint("token-", version) }}
			sources := []Source{site}
			w := newWorld(t, Config{Sources: sources, MaxAge: 3 * time.Hour})
			log, last := []string{}, time.Time{}
			for range 600 {
				switch n := r.IntN(100); {
				case n < 2 && time.Since(last) > 2*time.Minute:
					version++
					last = time.Now()
					log = append(log, fmt.Sprint(time.Since(began), " revoked"))
				case n < 30:
					w.visit(t, fmt.Sprint("bad-", r.IntN(2)), none)
					log = append(log, fmt.Sprint(time.Since(began), " bad"))
				case n < 80:
					host := fmt.Sprint("good-", r.IntN(3))
					in, shown := w.visit(t, host, only(fmt.Sprint("token-", version)))
					log = append(log, fmt.Sprint(time.Since(began), " ", host, " ", in, " ", shown))
					if in == "" {
						t.Fatalf("course %d: %s", course, strings.Join(log[max(0, len(log)-40):], "\n"))
					}
				default:
					elapse(time.Duration(r.IntN(20000)) * time.Millisecond)
				}
			}
			if minutes := int(time.Since(began) / time.Minute); site.n > 10+4*minutes {
				t.Errorf("course %d: the place was asked %d times in %d minutes", course, site.n, minutes)
			}
		})
		if t.Failed() {
			return
		}
	}
}
