package proxy_test

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/proxy"
)

// reload puts new settings into force.
func (s *site) reload(c proxy.Config) {
	s.Helper()
	commit, err := s.proxy.Prepare(c)
	s.must(err)
	commit()
}

func TestPrepareRefusesAndChangesNothing(t *testing.T) {
	s := newTrusting(t, options{})
	for name, c := range map[string]proxy.Config{"age": {VerdictAge: -1}, "grace": {Grace: -1}, "idle": {TunnelIdle: -1}} {
		if commit, err := s.proxy.Prepare(c); err == nil || commit != nil {
			t.Errorf("%s: Prepare = %v, want an error and nothing to commit", name, err)
		}
	}
	_, err := s.proxy.Prepare(proxy.Config{}) // never committed
	s.must(err)
	if !s.proxy.Interception().On {
		t.Error("what was prepared and not committed is in force")
	}
}

// TestReloadOfVerdicts: an admission stays known, and counts as long as the new settings say.
func TestReloadOfVerdicts(t *testing.T) {
	s, dp := originSite(t, proxy.Listener{Entitlement: proxy.Origin}, proxy.Config{})
	c := s.client()
	asks := func() int { return len(dp.requests("HEAD")) }
	wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
	for _, tt := range []struct {
		age  time.Duration
		more int
	}{{time.Hour, 0}, {1, 1}, {time.Hour, 0}} {
		before := asks()
		s.reload(proxy.Config{VerdictAge: tt.age})
		wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
		if n := asks() - before; n != tt.more {
			t.Errorf("with an age of %v the DP was asked %d times, want %d", tt.age, n, tt.more)
		}
	}
	dp.answerWith(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "away", http.StatusServiceUnavailable) })
	s.reload(proxy.Config{VerdictAge: 1, Grace: 1})
	if got := s.ask(c, "GET", versioned+"a"); got.StatusCode < 500 {
		t.Errorf("without grace the answer is %s", got.Status)
	}
	s.reload(proxy.Config{VerdictAge: 1, Grace: time.Hour})
	wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
}

// TestReloadOfInterception: another authority, other names, none. Who is inside stays inside.
func TestReloadOfInterception(t *testing.T) {
	s := newTrusting(t, options{})
	for _, name := range []string{"dp1:443", "dp3:443"} {
		s.startTLS(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }), nil)
	}
	first := s.seenInto("dp1:443")
	who := func(target string, config proxy.Config, want *testCA) {
		t.Helper()
		config.RootCAs = s.servers.pool
		s.reload(config)
		if _, err := s.into(target, want); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if got := first.get("/x"); got.err != nil || string(got.body) != "dp1" {
			t.Errorf("a connection that was seen into before says %q, %v", got.body, got.err)
		}
	}
	next := newBox(t)
	names := []string{"dp1", "dp3"}
	who("dp1:443", proxy.Config{Authority: s.box, InterceptHosts: names}, s.box.testCA)
	who("dp3:443", proxy.Config{Authority: s.box, InterceptHosts: names}, s.box.testCA)
	who("dp3:443", proxy.Config{Authority: next, InterceptHosts: names}, next.testCA)
	who("dp3:443", proxy.Config{Authority: next, InterceptHosts: names[:1]}, s.servers)
	who("dp1:443", proxy.Config{Authority: next, InterceptHosts: names, TunnelHosts: names}, s.servers)
	who("dp1:443", proxy.Config{InterceptHosts: names}, s.servers)
	if s.proxy.Interception().On {
		t.Error("interception is on without an authority")
	}
	who("dp1:443", proxy.Config{Authority: next, InterceptHosts: names}, next.testCA)
}

// TestReloadOfRoots: what is passed on goes by the new ones, and a Windows login goes on.
func TestReloadOfRoots(t *testing.T) {
	s := newTrusting(t, options{})
	d, server := newWindowsDP()
	s.startTLSServer("dp1:443", server, nil)
	in := s.seenInto("dp1:443")
	const path = "/NOCERT_SMS_DP_SMSPKG$/PS100015.3/a"
	s.must(legs("", "user", func(authorization string) answer { return in.as(authorization, path) }))
	other := s.seenInto("dp1:443")
	wantStatus(t, other.get("/x"), http.StatusUnauthorized)

	settings := func(roots *x509.CertPool) proxy.Config {
		return proxy.Config{Authority: s.box, InterceptHosts: []string{"dp1"}, RootCAs: roots}
	}
	s.reload(settings(x509.NewCertPool()))
	wantStatus(t, other.get("/x"), http.StatusBadGateway)
	got := in.as("", path)
	wantBody(t, got, d.data)
	if user := got.Header.Get("X-User"); user != "user" {
		t.Errorf("after a reload the DP knows %q", user)
	}
	s.reload(settings(s.servers.pool))
	wantStatus(t, other.get("/x"), http.StatusUnauthorized)
}

// TestAThousandReloads leave no connection behind.
func TestAThousandReloads(t *testing.T) {
	s := newTrusting(t, options{})
	conns := &connCount{}
	s.startTLSServer("dp1:443", &http.Server{ConnState: conns.note, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host)
	})}, nil)
	in := s.seenInto("dp1:443")
	for i := range 1000 {
		roots := s.servers.pool.Clone()
		if i/20%2 == 0 {
			roots.AddCert(s.box.cert)
		}
		s.reload(proxy.Config{Authority: s.box, InterceptHosts: []string{"dp1"}, RootCAs: roots})
		if i%10 == 0 {
			wantStatus(t, in.get("/x"), http.StatusOK)
		}
	}
	wantStatus(t, in.get("/x"), http.StatusOK)
	for deadline := time.After(10 * time.Second); conns.now.Load() > 3; {
		select {
		case <-deadline:
			t.Fatalf("the server has %d connections, want those of the last settings", conns.now.Load())
		case <-time.After(time.Millisecond): // it learns of the end of one a moment later
		}
	}
}

// connCount counts the connections of a server.
type connCount struct{ now atomic.Int64 }

func (c *connCount) note(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.now.Add(1)
	case http.StateClosed, http.StateHijacked:
		c.now.Add(-1)
	}
}
