package site

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// behindBroker is a broker with the ways of w as its sources, in the order in which a configuration has them.
func behindBroker(t *testing.T, w *world) *tokenbroker.Broker {
	t.Helper()
	b, err := tokenbroker.New(tokenbroker.Config{Sources: []tokenbroker.Source{w.Source("mp"), w.Source("cmg")}})
	must(t, err)
	t.Cleanup(func() { must(t, b.Close(context.Background())) })
	return b
}

// TestBehindBroker checks that any number of callers cost one question for a token, that a refusal costs one more, and that
// the gateway stands in for a management point that is silent.
func TestBehindBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", time.Hour, time.Second)}
		cmg := &fake{token: issuing(t, "g", time.Hour, 0)}
		w := newWorld(t, Config{}, mp, cmg)
		b := behindBroker(t, w)
		all := func(want string) (stamp tokenbroker.Stamp) {
			t.Helper()
			var callers sync.WaitGroup
			var mu sync.Mutex
			for range 200 {
				callers.Go(func() {
					h := http.Header{}
					got, err := b.Authorize(t.Context(), "site", h)
					if err != nil || h.Get("Authorization") != "Bearer "+want {
						t.Errorf("got %q (%v), want %q", h.Get("Authorization"), err, want)
					}
					mu.Lock()
					defer mu.Unlock()
					stamp = got
				})
			}
			callers.Wait()
			return stamp
		}
		first := all("m1")
		replace := func(stamp tokenbroker.Stamp) {
			t.Helper()
			b.Refused("site", stamp, "dp1")
			other, err := b.Another(t.Context(), "site", stamp, "dp1", http.Header{})
			must(t, err)
			b.Accepted("site", other, "dp1")
		}
		for range 10 {
			replace(first) // a burst of refusals of one token
		}
		all("m2")
		if n := mp.count("token"); n != 2 {
			t.Errorf("the management point was asked %d times, want 2", n)
		}
		elapse(54*time.Minute + 30*time.Second)
		all("m2")
		elapse(time.Minute)
		all("m2") // ahead of its end the next one is fetched, and nobody waits
		elapse(time.Second)
		last := all("m3")
		if n := mp.count("token"); n != 3 {
			t.Errorf("the management point was asked %d times, want 3", n)
		}
		mp.token = func(ctx context.Context, _ ccm.Content) (ccm.Token, error) { return ccm.Token{}, silent(ctx) }
		begun := time.Now()
		replace(last)
		all("g1")
		if took := time.Since(begun); took > patience {
			t.Errorf("everybody waited %v for a management point that is silent", took)
		}
		if mp.count("token") != 4 || cmg.count("token") != 1 {
			t.Errorf("asked %d and %d times, want 4 and 1", mp.count("token"), cmg.count("token"))
		}
	})
}

// TestReloadAsksNothing: a reload that changes nothing costs the site nothing, and what no server takes any more is forgotten.
func TestReloadAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", time.Hour, 0)}
		w := newWorld(t, Config{}, mp)
		b := behindBroker(t, w)
		token := func() tokenbroker.Stamp {
			t.Helper()
			stamp, err := b.Authorize(t.Context(), "site", http.Header{})
			must(t, err)
			synctest.Wait()
			return stamp
		}
		first := token()
		for range 100 {
			commit, err := b.Prepare(tokenbroker.Config{Sources: []tokenbroker.Source{w.Source("mp"), w.Source("cmg")}})
			must(t, err)
			commit()
			elapse(time.Second)
			if token() != first {
				t.Fatal("there is another token")
			}
		}
		if n := mp.count("token"); n != 1 {
			t.Errorf("the site was asked %d times, want once", n)
		}
		b.Drop("site")
		if token(); mp.count("token") != 2 {
			t.Error("the site remembers what was dropped")
		}
	})
}

// TestEverybodyAway checks that a token that is still good outlives a site of which nobody answers.
func TestEverybodyAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{token: issuing(t, "m", time.Hour, 0)}, &fake{}
		w := newWorld(t, Config{}, mp, cmg)
		b := behindBroker(t, w)
		wants := func(want string) {
			t.Helper()
			h := http.Header{}
			begun := time.Now()
			if _, err := b.Authorize(t.Context(), "site", h); (err == nil) != (want != "") || want != "" && h.Get("Authorization") != "Bearer "+want {
				t.Errorf("got %q (%v), want %q", h.Get("Authorization"), err, want)
			}
			if took := time.Since(begun); took > 0 {
				t.Errorf("it took %v", took)
			}
			synctest.Wait() // until nobody asks on the side
		}
		wants("m1")
		away := func(context.Context, ccm.Content) (ccm.Token, error) { return ccm.Token{}, problem(unreachable) }
		mp.token, cmg.token = away, away
		for range 59 {
			elapse(time.Minute)
			wants("m1")
		}
		elapse(time.Minute)
		wants("")
		mp.token = issuing(t, "n", time.Hour, 0)
		elapse(longestRetry)
		wants("n1")
		if n := mp.count("token"); n > 7 {
			t.Errorf("asked %d times within 65 minutes", n)
		}
	})
}
