package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// noTokenEndpoint makes a pool of a DP whose plain directories ask for authentication, and whose token endpoint does not
// even take connections.
func noTokenEndpoint(t *testing.T, coolDown time.Duration) (p *Pool, dials func() int) {
	n := newMemoryNet(map[string]http.HandlerFunc{"a": statusOf(http.StatusUnauthorized)})
	n.hosts["a:443"] = &memoryHost{}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !strings.HasSuffix(addr, ":443") {
			return n.dial(ctx, network, addr)
		}
		n.mu.Lock()
		n.hosts[addr].dials++
		n.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p = testPool(t, Config{Locations: []Location{{Base: "http://a", Audience: "site"}}, Tokens: &fakeTokens{left: 1}, Dial: dial,
		ConnectTimeout: 5 * time.Second, HeaderTimeout: 15 * time.Second, CoolDown: coolDown})
	return p, func() int { n.mu.Lock(); defer n.mu.Unlock(); return n.hosts["a:443"].dials }
}

// TestATokenEndpointThatIsAway costs one wait in a cool-down, and not one for each file.
func TestATokenEndpointThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, dials := noTokenEndpoint(t, 10*time.Second)
		target := targetAt(t, p, "http://a:80", mutable)
		stat := func(ctx context.Context) error { _, err := p.Source(target).Stat(ctx); return err }
		list := func(ctx context.Context) error { _, err := p.Manifest(ctx, target, "", nil); return err }
		leave := func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return stat(ctx)
		}
		leaveList := func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return list(ctx)
		}
		for i, tt := range []struct {
			what  string
			ask   func(context.Context) error
			dials int
			wait  time.Duration
		}{
			{"a client that leaves at once", leave, 1, time.Second},
			{"a client that leaves at once", leaveList, 2, time.Second},
			{"the first file", stat, 3, 5 * time.Second},
			{"another file", stat, 3, 0},
			{"a list of files", list, 3, 0},
			{"after the cool-down", list, 4, 5 * time.Second},
			{"another file", stat, 4, 0},
		} {
			if tt.what == "after the cool-down" {
				pass(10 * time.Second)
			}
			began := time.Now()
			err := tt.ask(t.Context())
			if took := time.Since(began); took != tt.wait || dials() != tt.dials {
				t.Errorf("%d: %s: %v after %v, %d connections to the token endpoint; want %v and %d", i, tt.what, err, took, dials(),
					tt.wait, tt.dials)
			}
		}
	})
}

// TestATokenEndpointThatIsAwayHasRefusedNobody: what is there is served unchecked, and what is not there gets the DP's own
// answer.
func TestATokenEndpointThatIsAwayHasRefusedNobody(t *testing.T) {
	data := randomBytes(35, 1000)
	plain, secure, other := newDP(t, data), newTLSDP(t, nil), newDP(t, nil)
	other.setScript(statusOf(http.StatusUnauthorized))
	p := testPool(t, Config{Locations: []Location{{Base: plain.URL, TokenBase: secure.URL, Audience: "site"}, {Base: other.URL}},
		Tokens: &fakeTokens{left: 1}, RootCAs: roots(secure)})
	store, err := cache.New(cache.Config{Directory: t.TempDir(), CheckAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	target := targetAt(t, p, plain.URL, mutable)
	open := func(name string, use cache.Use) error {
		key := cache.Key{Name: name, Mutable: true, Origin: target.Host}
		r, err := store.Open(t.Context(), key, p.Source(target), use)
		if err != nil {
			return err
		}
		_, err = r.Read(make([]byte, 1))
		return errors.Join(err, r.Close())
	}
	whole, head := cache.Use{Length: -1}, cache.Use{}
	if err := open("here", whole); err != nil {
		t.Fatal(err)
	}
	refuse := statusOf(http.StatusUnauthorized)
	for _, tt := range []struct {
		name          string
		plain, secure http.HandlerFunc
		served        bool
	}{
		{"the token endpoint is broken", refuse, statusOf(503), true},
		{"it was a moment ago", refuse, refuse, true},
		{"both are broken, and another DP refuses a stranger", statusOf(503), statusOf(503), true},
	} {
		plain.setScript(tt.plain)
		secure.setScript(tt.secure)
		if err := open("here", whole); err != nil {
			t.Errorf("%s: what is there: %v", tt.name, err)
		}
		for _, use := range []cache.Use{whole, head} {
			if err := open("not here", use); !errors.Is(err, cache.ErrRefused) {
				t.Errorf("%s: what is not there: %v, want ErrRefused", tt.name, err)
			}
		}
	}
	p.now.Load().dir.named(target).tokenAway.in(0)
	plain.setScript(refuse)
	secure.setScript(refuse)
	if err := open("here", whole); err != nil {
		t.Errorf("our token is refused, as when it has ended and there is no other yet: %v", err)
	}
	secure.setScript(statusOf(http.StatusForbidden))
	if err := open("here", whole); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("refused by all: %v, want ErrRefused", err)
	}
}

// TestASiteThatIsAwayHasRefusedNobody: a DP that is not configured wants to know who asks, and the site that could have named one that
// lets us in says nothing. What is there is served then, but not to whom the DP is to decide about.
func TestASiteThatIsAwayHasRefusedNobody(t *testing.T) {
	plain := newDP(t, randomBytes(36, 1000))
	at := &fakeSite{}
	p := testPool(t, Config{Locator: at, Tokens: &fakeTokens{left: 1}})
	store, err := cache.New(cache.Config{Directory: t.TempDir(), CheckAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	target := targetAt(t, p, plain.URL, mutable)
	open := func(clientAuth bool) error {
		key := cache.Key{Name: "here", Mutable: true, Origin: target.Host}
		r, err := store.Open(t.Context(), key, p.now.Load().source(target, clientAuth), cache.Use{Length: -1})
		if err != nil {
			return err
		}
		_, err = r.Read(make([]byte, 1))
		return errors.Join(err, r.Close())
	}
	if err := open(false); err != nil {
		t.Fatal(err)
	}
	plain.setScript(statusOf(http.StatusUnauthorized))
	if err := open(false); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("the site knows nobody else: %v, want ErrRefused", err)
	}
	at.set(func() { at.err = errors.New("the site is away") })
	if err := open(false); err != nil {
		t.Errorf("the site is away: %v", err)
	}
	if err := open(true); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("the site is away, and the DP decides: %v, want ErrRefused", err)
	}
	plain.setScript(statusOf(http.StatusForbidden))
	if err := open(false); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("it is forbidden: %v, want ErrRefused", err)
	}
}
