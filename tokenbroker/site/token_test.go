package site

import (
	"context"
	"errors"
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

// TestOtherClock: that a token has ended says something else than that it was refused.
func TestOtherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, &fake{token: func(context.Context, ccm.Content) (ccm.Token, error) { return tokenOf(t, "old", -time.Minute), nil }})
		w.gives(t, "mp", "site", "", 0)
		if said := w.state("mp").TokenError; !strings.Contains(said, "ended at 1999-12-31T23:59:00Z, and here it is 2000-01-01T00:00:00Z; compare the clocks") {
			t.Errorf("the trouble is %q", said)
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
		w.Known(pkg("ps100001"))
		mp.contents, mp.token = nil, nil
		elapse(time.Hour)
		w.gives(t, "mp", "site", "", 0)
		if !slices.Equal(mp.contents, []string{"PS100001", ""}) {
			t.Errorf("asked with %q, want with each once", mp.contents)
		}
	})
}

// TestRefusedToken checks that a token that somebody refused is forgotten everywhere, and the site asked anew, whatever it gives then:
// who asks judges.
func TestRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same := tokenOf(t, "same", time.Hour)
		mp := &fake{token: func(context.Context, ccm.Content) (ccm.Token, error) { return same, nil }}
		w := newWorld(t, Config{}, mp)
		forgetter := w.Source("mp").(tokenbroker.Forgetter)
		for n := range 3 {
			got := w.gives(t, "mp", "site", "same", 0)
			w.gives(t, "mp", "site", "same", 0)
			forgetter.Forget("nobody's", got)
			if asked := mp.count("token"); asked != n+1 || len(mp.forgotten) != n {
				t.Errorf("asked %d times, want %d; the client was told to forget %q", asked, n+1, mp.forgotten)
			}
			forgetter.Forget("site", got)
		}
		same = tokenOf(t, "another", time.Hour)
		w.gives(t, "mp", "site", "another", 0)
	})
}

// TestRenewalIsSilent checks that who has a token that is still good does not wait long for its successor, and that the
// successor is there when it has come at last.
func TestRenewalIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", time.Hour, 0)}
		w := newWorld(t, Config{}, mp)
		w.gives(t, "mp", "site", "m1", 0)
		mp.token = issuing(t, "n", time.Hour, 15*time.Second)
		elapse(56 * time.Minute)
		w.gives(t, "mp", "site", "m1", patience)
		elapse(15 * time.Second)
		w.gives(t, "mp", "site", "n1", 0)
		if n := mp.count("token"); n != 2 {
			t.Errorf("asked %d times, want twice", n)
		}
	})
}

// TestRefusalIsNews checks that a way that had no other token a moment ago is asked again when the one that it gave is refused.
func TestRefusalIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{token: issuing(t, "m", time.Hour, 0)}
		w := newWorld(t, Config{}, mp)
		w.gives(t, "mp", "site", "m1", 0)
		mp.token = nil
		elapse(56 * time.Minute)
		old := w.gives(t, "mp", "site", "m1", 0)
		mp.token = issuing(t, "n", time.Hour, 0)
		w.gives(t, "mp", "site", "m1", 0)
		w.Source("mp").(tokenbroker.Forgetter).Forget("site", old)
		w.gives(t, "mp", "site", "n1", 0)
	})
}
