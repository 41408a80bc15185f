package upstream

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// TestAsk: the DP that the client named decides. Only when it is silent, what another one gives to a stranger counts.
func TestAsk(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }
	coded := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") }
	for _, tt := range []struct {
		name         string
		named, other http.HandlerFunc // nil: serves
		status       int              // zero: nobody could be asked
		asksOther    bool
	}{
		{"admitted", nil, nil, 200, false},
		{"asked to authenticate", statusOf(401), nil, 401, false},
		{"refused", statusOf(403), nil, 403, false},
		{"missing", statusOf(404), nil, 404, false},
		{"redirected", statusOf(302), nil, 302, false},
		{"a page to log in, with 200", page, nil, 403, false},
		{"a compressed file", coded, nil, 200, true},
		{"a compressed file, closed to strangers", coded, statusOf(401), 0, true},
		{"asked too often", statusOf(429), nil, 200, true},
		{"asked too often, closed to strangers", statusOf(429), statusOf(401), 0, true},
		{"too slow a request", statusOf(408), statusOf(401), 0, true},
		{"a proxy before it", statusOf(407), statusOf(401), 0, true},
		{"broken, open to everybody", statusOf(503), nil, 200, true},
		{"broken, closed to strangers", statusOf(503), statusOf(401), 0, true},
		{"broken, missing elsewhere", statusOf(500), statusOf(404), 0, true},
		{"broken, a page elsewhere", statusOf(500), page, 0, true},
		{"broken, elsewhere too", statusOf(500), statusOf(500), 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b, foreign := newDP(t, randomBytes(15, 10)), newDP(t, randomBytes(15, 10)), newDP(t, randomBytes(15, 10))
			if tt.named != nil {
				a.setScript(tt.named)
			}
			if tt.other != nil {
				b.setScript(tt.other)
			}
			p := testPool(t, Config{Locations: append(at(a, b), Location{Base: foreign.URL, Hierarchy: "elsewhere"})})
			target := targetAt(t, p, a.URL, immutable)
			target.Header = http.Header{"Authorization": {"Bearer own"}, "X-Ccm-Token": {"own"}, "Cookie": {"own"}}
			got, err := p.Ask(context.Background(), target)
			if got != tt.status || (tt.status == 0) != errors.Is(err, cache.ErrUnreachable) || (tt.status != 0) != (err == nil) {
				t.Errorf("Ask = %d, %v; want %d", got, err, tt.status)
			}
			if h := a.lastHeader(); h.Get("X-Ccm-Token") != "own" {
				t.Errorf("the named DP saw %v", h)
			}
			if n := b.requests.Load(); (n > 0) != tt.asksOther {
				t.Errorf("%d requests to the other DP", n)
			}
			if h := b.lastHeader(); h.Get("Authorization")+h.Get("X-Ccm-Token")+h.Get("Cookie") != "" {
				t.Errorf("the other DP saw %v", h)
			}
			if n := foreign.requests.Load(); n > 0 {
				t.Errorf("%d requests to a DP of another hierarchy", n)
			}
		})
	}
}

// TestAskNeverUsesOurToken: a DP that our token would open is not open to everybody.
func TestAskNeverUsesOurToken(t *testing.T) {
	a, b := newTLSDP(t, nil), newTLSDP(t, randomBytes(15, 10))
	a.setScript(statusOf(503))
	b.setScript(b.wantsToken("site-1"))
	tokens := &fakeTokens{left: 1}
	p := testPool(t, Config{
		Locations: []Location{{Base: a.URL, Audience: "site"}, {Base: b.URL, Audience: "site"}}, RootCAs: roots(a, b), Tokens: tokens,
	})
	if got, err := p.Ask(context.Background(), targetAt(t, p, a.URL, tokenTarget)); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("Ask = %d, %v; want ErrUnreachable", got, err)
	}
	if len(tokens.asked) != 0 || b.requests.Load() != 1 {
		t.Errorf("a token for %v was asked for, and the other DP %d times", tokens.asked, b.requests.Load())
	}
}

// TestAskWaitsForASilentDPOnce: from then on the other is asked first, and the silent one when the other has no verdict.
func TestAskWaitsForASilentDPOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Bool
		silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		serve := func(w http.ResponseWriter, r *http.Request) {
			if closed.Load() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			http.ServeContent(w, r, "", modified, bytes.NewReader(randomBytes(16, 1000)))
		}
		n := newMemoryNet(map[string]http.HandlerFunc{"a": silent, "b": serve})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, HeaderTimeout: 10 * time.Second, FailuresToOpen: 1,
			CoolDown: time.Hour, CoolDownMax: time.Hour})
		target := targetAt(t, p, "http://a:80", immutable)
		for _, want := range []time.Duration{10 * time.Second, 0, 0} {
			began := time.Now()
			status, err := p.Ask(t.Context(), target)
			if took := time.Since(began); status != 200 || err != nil || took != want {
				t.Errorf("Ask = %d, %v after %v; want 200 after %v", status, err, took, want)
			}
		}
		closed.Store(true)
		began := time.Now()
		_, err := p.Ask(t.Context(), target)
		if took := time.Since(began); !errors.Is(err, cache.ErrUnreachable) || took != 10*time.Second || n.dials("a") != 2 {
			t.Errorf("Ask: %v after %v, %d requests to the silent DP; want ErrUnreachable after 10s, and 2", err, took, n.dials("a"))
		}
	})
}
