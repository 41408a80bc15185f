package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"branchpoint/proxy"
)

// TestNoConnectionServesTwo is the rule of pinned.go: a hundred users at once, and no connection of the DP sees two.
func TestNoConnectionServesTwo(t *testing.T) {
	s := newSite(t, options{})
	d := startWindowsDP(s, "dp1:80")
	targets := []string{versioned + "a", "http://dp1/SMS_MP/x", mutable + "b"}
	var wg sync.WaitGroup
	for i := range 100 {
		c := s.raw()
		wg.Go(func() {
			user := fmt.Sprintf("user%d", i)
			login := func() error { return c.login(user, targets[i%3]) }
			if err := patiently(login); err != nil {
				t.Errorf("%s: %v", user, err)
				return
			}
			for j := range 5 {
				target := targets[(i+j)%3]
				got := asLoggedIn(func(authorization string) answer { return c.as(authorization, target) }, login)
				bypass := "Branchpoint; fwd=bypass"
				if strings.Contains(target, "SMS_MP") {
					bypass = "" // no content
				}
				if got.Header.Get("X-User") != user || !bytes.Equal(got.body, d.data) || got.Header.Get("Cache-Status") != bypass {
					t.Errorf("%s got status %d, %v", user, got.StatusCode, got.Header)
				}
			}
			if i%2 == 0 {
				c.Close()
			}
		})
	}
	wg.Wait()
	for _, target := range targets {
		wantStatus(t, s.raw().as("", target), 401)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		if len(c.users) > 1 {
			t.Errorf("one connection served %v", c.users)
		}
	}
}

// TestPinnedConnectionEndsWithItsClient: nobody can come after.
func TestPinnedConnectionEndsWithItsClient(t *testing.T) {
	s := newSite(t, options{})
	d := startWindowsDP(s, "dp1:80")
	c := s.raw()
	s.must(c.login("u", "http://dp1/x"))
	c.Close()
	if ended := <-d.closed; !ended.users["u"] {
		t.Error("another connection ended")
	}
}

// TestNegotiateOneLeg: Kerberos needs one request.
func TestNegotiateOneLeg(t *testing.T) {
	s := newSite(t, options{})
	startWindowsDP(s, "dp1:80")
	c := s.raw()
	got := c.as("Negotiate alice", versioned+"a")
	wantStatus(t, got, 200)
	wantHeader(t, got.Header, "Www-Authenticate", "Negotiate proof")
	wantHeader(t, got.Header, "X-User", "alice")
	wantHeader(t, c.as("", versioned+"a").Header, "X-User", "alice")
	wantStatus(t, s.raw().as("", versioned+"a"), 401)
	gone := s.raw().as("Negotiate alice", "http://gone/SMS_DP_SMSPKG$/PS100015.3/a")
	wantStatus(t, gone, 502)
	wantHeader(t, gone.Header, "Cache-Status", "Branchpoint; fwd=bypass")
}

// TestOneHostManySpellings: a client that has authenticated its connection stays authenticated, however it writes the host.
func TestOneHostManySpellings(t *testing.T) {
	s := newSite(t, options{})
	d := startWindowsDP(s, "dp1:80")
	refused := func() int { d.mu.Lock(); defer d.mu.Unlock(); return d.refused }
	for _, name := range []string{"dp1.:80", "dp1:080"} {
		s.add(name, s.names["dp1:80"])
	}
	for _, host := range []string{"dp1", "DP1:80", "dp1.", "dp1.:80", "dp1:080", "dp1:"} {
		c := s.raw()
		target := "http://" + host + "/SMS_DP_SMSPKG$/PS100015.3/sccm?/a"
		if err := c.login("alice", target); err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		before := refused()
		if got := c.as("", target); got.Header.Get("X-User") != "alice" || refused() > before {
			t.Errorf("logged in at %s, then asked as nobody %d times: status %d, %v", host, refused()-before, got.StatusCode, got.Header)
		}
	}
}

// TestHandshakeBroken: a DP that closes in the middle costs a new handshake, and nothing else.
func TestHandshakeBroken(t *testing.T) {
	for _, leg := range []string{"", "type1", "type3"} {
		t.Run(leg, func(t *testing.T) {
			s := newSite(t, options{})
			d := startWindowsDP(s, "dp1:80")
			set := func(leg string) { d.mu.Lock(); d.closeAt = leg; d.mu.Unlock() }
			set(leg)
			c := s.raw()
			wantStatus(t, c.as("", "http://dp1/x"), 401)
			wantStatus(t, c.as("NTLM type1:u", "http://dp1/x"), 401)
			got := c.as("NTLM type3:u", "http://dp1/x")
			if leg == "type1" {
				wantStatus(t, got, 401) // on another connection it means nothing
			} else {
				wantStatus(t, got, 200)
			}
			if leg == "type3" {
				wantStatus(t, c.as("", "http://dp1/x"), 401)
			}
			set("never")
			s.must(s.raw().login("u", "http://dp1/x"))
			c.as("NTLM type1:u", "http://dp1/x")
			wantHeader(t, c.as("NTLM type3:u", "http://dp1/x").Header, "X-User", "u")
		})
	}
}

// TestOneClientManyHosts: each host has its own handshake, and a host that is not pinned is not touched by it.
func TestOneClientManyHosts(t *testing.T) {
	s := newSite(t, options{})
	startWindowsDP(s, "dp1:80")
	startWindowsDP(s, "dp2:80")
	plain := newDP(100)
	s.start("dp3:80", plain)
	c := s.raw()
	s.must(c.login("one", "http://dp1/x"))
	s.must(c.login("two", "http://dp2/x"))
	wantHeader(t, c.as("", "http://dp1/x").Header, "X-User", "one")
	wantHeader(t, c.as("", "http://DP2:80/x").Header, "X-User", "two")
	got := c.as("", "http://dp3/SMS_DP_SMSPKG$/PS100015.3/a")
	wantBody(t, got, plain.data)
	wantHeader(t, got.Header, "Cache-Status", "Branchpoint; fwd=miss; stored")
}

// TestManyPins: a client connection that authenticates itself everywhere holds eight connections, and the one it has not
// used for the longest time makes room.
func TestManyPins(t *testing.T) {
	s := newSite(t, options{})
	c := s.raw()
	var dps []*windowsDP
	target := func(i int) string { return fmt.Sprintf("http://dp%d/x", i) }
	login := func(i int) {
		dps = append(dps, startWindowsDP(s, fmt.Sprintf("dp%d:80", i)))
		s.must(c.login(fmt.Sprintf("user%d", i), target(i)))
	}
	for i := range 8 {
		login(i)
	}
	wantHeader(t, c.as("", target(0)).Header, "X-User", "user0")
	login(8)
	if ended := <-dps[1].closed; !ended.users["user1"] {
		t.Error("another connection ended")
	}
	for i := range 9 {
		status, user := 200, fmt.Sprintf("user%d", i)
		if i == 1 {
			status, user = 401, ""
		}
		got := c.as("", target(i))
		wantStatus(t, got, status)
		wantHeader(t, got.Header, "X-User", user)
	}
	s.must(c.login("user1", target(1)))
	if ended := <-dps[0].closed; !ended.users["user0"] {
		t.Error("another connection ended")
	}
}

// TestUnknownScheme: what a scheme that nobody knows has proved, a connection's identity perhaps, is not used by others; and
// content is served from the cache all the same.
func TestUnknownScheme(t *testing.T) {
	s := newSite(t, options{listener: proxy.Listener{Entitlement: proxy.Origin}})
	dp := newDP(1000)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-From", r.RemoteAddr)
		dp.file(w, r)
	})
	s.start("dp1:80", dp)
	from := func(authorization string) string {
		got := s.raw().as(authorization, "http://dp1/SMS_MP/x")
		wantStatus(t, got, 200)
		return got.Header.Get("X-From")
	}
	if from("") != from("Bearer x") {
		t.Error("a connection is not used again")
	}
	before := from("Scheme x")
	if after := from(""); after == before {
		t.Error("a connection is used again that may be somebody's")
	}
	for _, want := range []string{miss, hit} {
		got := s.raw().as("Scheme\tx", versioned+"a")
		wantBody(t, got, dp.data)
		wantHeader(t, got.Header, "Cache-Status", want)
	}
	login := s.raw().as("NTLM\tx", versioned+"a")
	wantHeader(t, login.Header, "Cache-Status", "Branchpoint; fwd=bypass")
}
