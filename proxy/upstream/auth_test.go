package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"branchpoint/cache"
)

// fakeTokens hands out token-1, and token-2 once that was accepted in its place, and so on, as long as there are some.
type fakeTokens struct {
	mu       sync.Mutex
	stamp    uint64
	left     int // how many tokens there are
	asked    []string
	refusals []uint64
	accepted []uint64
	hosts    []string // that refused or accepted, in turn
}

var errNoToken = errors.New("no source has a token")

func (f *fakeTokens) Authorize(_ context.Context, audience string, h http.Header) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, audience)
	if f.left == 0 {
		return 0, errNoToken
	}
	h.Set("X-CCM-Token", fmt.Sprintf("%s-%d", audience, f.stamp+1))
	return f.stamp + 1, nil
}

// Another hands out the token after the one in use, which stays in use until that is accepted.
func (f *fakeTokens) Another(_ context.Context, audience string, stamp uint64, _ string, h http.Header) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.stamp + 1
	if stamp == next {
		next++
	}
	if next > f.stamp+uint64(f.left) {
		return 0, errNoToken
	}
	h.Set("X-CCM-Token", fmt.Sprintf("%s-%d", audience, next))
	return next, nil
}

func (f *fakeTokens) Refused(_ string, stamp uint64, host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals = append(f.refusals, stamp)
	f.hosts = append(f.hosts, host)
}

func (f *fakeTokens) Accepted(_ string, stamp uint64, host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted = append(f.accepted, stamp)
	f.hosts = append(f.hosts, host)
	for f.stamp+1 < stamp {
		f.stamp++
		f.left--
	}
}

// wantsToken admits only requests that carry the token.
func (d *fakeDP) wantsToken(token string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/CCMTOKENAUTH_") || r.Header.Get("X-CCM-Token") != token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.serve(w, r)
	}
}

const tokenTarget = "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a.exe"

func TestTokens(t *testing.T) {
	data := randomBytes(30, 100)
	for _, tt := range []struct {
		name       string
		tokens     *fakeTokens // nil: no broker
		header     http.Header
		clientAuth bool
		admits     string // the token that the DP wants
		requests   int64
		refusals   string
		want       error
	}{
		{"a good token", &fakeTokens{left: 1}, nil, false, "site-1", 1, "[]", nil},
		{"a stale token, then a good one", &fakeTokens{left: 2}, nil, false, "site-2", 2, "[1]", nil},
		{"two stale ones", &fakeTokens{left: 3}, nil, false, "site-3", 2, "[1 2]", cache.ErrRefused},
		{"the same one again", &fakeTokens{left: 1}, nil, false, "other", 1, "[1]", cache.ErrRefused},
		{"no token", &fakeTokens{}, nil, false, "site-1", 1, "[]", cache.ErrRefused},
		{"no broker", nil, nil, false, "site-1", 1, "[]", cache.ErrRefused},
		{"the client's own", &fakeTokens{left: 1}, http.Header{"X-Ccm-Token": {"mine"}}, false, "mine", 1, "[]", nil},
		{"the client's own is stale", &fakeTokens{left: 1}, http.Header{"X-Ccm-Token": {"mine"}}, false, "site-1", 2, "[]", nil},
		{"only the client's own, none", &fakeTokens{left: 1}, nil, true, "site-1", 1, "[]", cache.ErrRefused},
		{"only the client's own, stale", &fakeTokens{left: 1}, http.Header{"X-Ccm-Token": {"mine"}}, true, "site-1", 1, "[]", cache.ErrRefused},
		{"only the client's own, good", &fakeTokens{left: 1}, http.Header{"X-Ccm-Token": {"mine"}}, true, "mine", 1, "[]", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newTLSDP(t, data)
			d.setScript(d.wantsToken(tt.admits))
			cfg := Config{
				Locations: []Location{{Base: d.URL, Audience: "site"}}, RootCAs: roots(d), CredentialHeaders: []string{"X-CCM-Token"},
			}
			if tt.tokens != nil {
				cfg.Tokens = tt.tokens
			}
			p := testPool(t, cfg)
			target := targetAt(t, p, d.URL, tokenTarget)
			target.Header = tt.header
			_, err := p.now.Load().source(target, tt.clientAuth).Stat(context.Background())
			if !errors.Is(err, tt.want) || (tt.want == nil && err != nil) {
				t.Errorf("Stat: %v, want %v", err, tt.want)
			}
			if n := d.requests.Load(); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			if tt.tokens != nil && fmt.Sprint(tt.tokens.refusals) != tt.refusals {
				t.Errorf("refused stamps %v, want %s", tt.tokens.refusals, tt.refusals)
			}
			accepted := "[]"
			if stamp, ours := strings.CutPrefix(tt.admits, "site-"); ours && tt.want == nil {
				accepted = "[" + stamp + "]"
			}
			if tt.tokens != nil && fmt.Sprint(tt.tokens.accepted) != accepted {
				t.Errorf("accepted stamps %v, want %s", tt.tokens.accepted, accepted)
			}
			if s := p.Status()[0]; s.Failures != 0 {
				t.Errorf("a refusal counts as a failure: %+v", s)
			}
		})
	}
}

// A plain DP that asks for Windows authentication is asked at its token endpoint, and from then on at once.
func TestTokenEndpointOfAPlainDP(t *testing.T) {
	data := randomBytes(31, 1000)
	plain, secure := newDP(t, nil), newTLSDP(t, data)
	plain.setScript(statusOf(http.StatusUnauthorized))
	secure.setScript(secure.wantsToken("site-1"))
	tokens := &fakeTokens{left: 1}
	p := testPool(t, Config{
		Locations: []Location{{Base: plain.URL, TokenBase: secure.URL, Audience: "site"}}, RootCAs: roots(secure), Tokens: tokens,
	})
	target := targetAt(t, p, plain.URL, mutable)
	target.Header = http.Header{"Authorization": {"NTLM own"}}
	s := p.Source(target)
	if _, err := s.Stat(context.Background()); err != nil {
		t.Fatalf("HEAD: %v", err)
	}
	mustRead(t, s, nil, 10, 100, data)
	if a, b := plain.requests.Load(), secure.requests.Load(); a != 1 || b != 2 {
		t.Errorf("%d requests to the plain DP and %d to the token endpoint; want 1 and 2", a, b)
	}
	if h := secure.lastHeader(); h.Get("Authorization") != "" {
		t.Errorf("the token endpoint saw the client's Authorization")
	}
	if h := plain.lastHeader(); h.Get("X-Ccm-Token") != "" {
		t.Errorf("the token was sent in clear")
	}

	own := p.now.Load().source(target, true)
	if _, err := own.Stat(context.Background()); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("a client that must show its own credentials: %v, want ErrRefused", err)
	}
	if b := secure.requests.Load(); b != 2 {
		t.Errorf("our token was used for it")
	}

	secure.Close() // the token endpoint is gone: the client's own way is still open
	_, err := s.Stat(context.Background())
	if !errors.Is(err, cache.ErrRefused) {
		t.Errorf("without the token endpoint: %v, want ErrRefused", err)
	}
}

// A token goes over TLS, to the DPs of its audience, and nowhere else.
func TestTokenGoesNowhereElse(t *testing.T) {
	data := randomBytes(32, 100)
	named, stranger, redirecting := newTLSDP(t, data), newTLSDP(t, data), newTLSDP(t, data)
	clear := newDP(t, data)
	redirecting.setScript(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+"/x", http.StatusTemporaryRedirect)
	})
	tokens := &fakeTokens{left: 1}
	p := testPool(t, Config{
		Locations: []Location{
			{Base: named.URL, Audience: "a", Hierarchy: "a"}, {Base: redirecting.URL, Audience: "b", Hierarchy: "b"},
			{Base: clear.URL, Audience: "c", Hierarchy: "c"},
		},
		RootCAs: roots(named, stranger, redirecting), Tokens: tokens,
	})
	for _, d := range []*fakeDP{named, stranger, redirecting, clear} {
		p.Source(targetAt(t, p, d.URL, tokenTarget)).Stat(context.Background())
	}
	for _, tt := range []struct {
		name string
		dp   *fakeDP
		want string
	}{{"its DP", named, "a-1"}, {"a DP that is not configured", stranger, ""}, {"a DP that redirects", redirecting, "b-1"}, {"a DP without TLS", clear, ""}} {
		if got := tt.dp.lastHeader().Get("X-Ccm-Token"); got != tt.want {
			t.Errorf("%s saw the token %q, want %q", tt.name, got, tt.want)
		}
	}
	if n := stranger.requests.Load(); n != 1 {
		t.Errorf("the redirect was followed: %d requests, want 1", n)
	}
}

// Another DP of the site is asked with our token when the client came to a token endpoint.
func TestFailoverBetweenTokenEndpoints(t *testing.T) {
	data := randomBytes(33, 100)
	a, b := newTLSDP(t, data), newTLSDP(t, data)
	a.setScript(statusOf(503))
	b.setScript(b.wantsToken("site-1"))
	plainB := newDP(t, nil)
	plainB.setScript(statusOf(401))
	p := testPool(t, Config{
		Locations: []Location{{Base: a.URL, Audience: "site"}, {Base: plainB.URL, TokenBase: b.URL, Audience: "site"}},
		RootCAs:   roots(a, b), Tokens: &fakeTokens{left: 1},
	})
	mustRead(t, p.Source(targetAt(t, p, a.URL, tokenTarget)), nil, 0, 100, data)
	if n := plainB.requests.Load(); n != 0 {
		t.Errorf("%d requests to the plain directory, want none", n)
	}
	p.Source(targetAt(t, p, plainB.URL, mutable)).Stat(context.Background())
	if n := plainB.requests.Load(); n != 1 {
		t.Errorf("%d requests to the plain directory by a client that names it, want 1: it has asked nobody for a token yet", n)
	}
}

// Without a token of ours another DP of the audience is shown the client's own, if that is one, and no other server is.
func TestFailoverWithTheClientsOwnToken(t *testing.T) {
	data := randomBytes(36, 100)
	for _, tt := range []struct {
		name, header, value string
		target, audience    string
		left                int // tokens of ours
		saw                 string
		ok                  bool
	}{
		{"a token", "X-Ccm-Token", "mine", tokenTarget, "site", 0, "mine", true},
		{"a token of ours comes first", "X-Ccm-Token", "mine", tokenTarget, "site", 1, "site-1", false},
		{"none", "X-Ccm-Token", "", tokenTarget, "site", 0, "", false},
		{"another credential", "X-Other", "mine", tokenTarget, "site", 0, "", false},
		{"a password", "X-Ccm-Token", "Basic bWluZTo=", tokenTarget, "site", 0, "", false},
		{"a login", "X-Ccm-Token", "NTLM bWluZTo=", tokenTarget, "site", 0, "", false},
		{"shown to another directory", "X-Ccm-Token", "mine", mutable, "site", 0, "", false},
		{"another audience", "X-Ccm-Token", "mine", tokenTarget, "cloud", 0, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newTLSDP(t, data), newTLSDP(t, data)
			a.setScript(statusOf(503))
			b.setScript(b.wantsToken("mine"))
			p := testPool(t, Config{
				Locations: []Location{{Base: a.URL, Audience: "site"}, {Base: b.URL, Audience: tt.audience}}, RootCAs: roots(a, b),
				Tokens: &fakeTokens{left: tt.left}, TokenHeader: "x-ccm-token", CredentialHeaders: []string{"X-CCM-Token", "X-Other"},
			})
			target := targetAt(t, p, a.URL, tt.target)
			target.Header = http.Header{tt.header: {tt.value}}
			if _, err := p.Source(target).Stat(t.Context()); (err == nil) != tt.ok {
				t.Errorf("Stat: %v, want success %v", err, tt.ok)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			saw := ""
			for _, h := range b.heads {
				saw += h.Get("X-Ccm-Token") + h.Get("X-Other")
			}
			if saw != tt.saw {
				t.Errorf("the other DP saw %q, want %q", saw, tt.saw)
			}
		})
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	d := newTLSDP(t, randomBytes(34, 10))
	p := testPool(t, Config{Locations: at(d), RootCAs: roots()})
	_, err := p.Source(targetAt(t, p, d.URL, immutable)).Stat(context.Background())
	if !errors.Is(err, cache.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown issuer: %v", err)
	}
	if d.requests.Load() != 0 {
		t.Error("a request was sent")
	}
}

var _ Authorizer = (*fakeTokens)(nil)
