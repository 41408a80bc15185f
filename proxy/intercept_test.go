package proxy_test

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
)

const (
	tokenFile  = "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015.3/sccm?/a.cab"
	miss       = "Branchpoint; fwd=miss; stored"
	hit        = "Branchpoint; hit"
	misdirects = "Branchpoint: this connection leads to another server than the request names.\n"
)

// TestSeenInto: what comes out of a tunnel takes the same steps as a plain request, and is one content with it.
func TestSeenInto(t *testing.T) {
	s := newTrusting(t, options{points: []upstream.Location{{Base: "http://dp1", TokenBase: "https://dp1", Hierarchy: "h", Audience: "a"}}})
	dp := newDP(3 << 20)
	s.startTLS("dp1:443", dp, nil)
	in := s.seenInto("dp1:443")
	if state := in.ConnectionState(); state.NegotiatedProtocol != "http/1.1" || state.Version < tls.VersionTLS12 {
		t.Errorf("%q over TLS %x", state.NegotiatedProtocol, state.Version)
	}
	first := in.get(tokenFile, "X-Token: mine")
	wantBody(t, first, dp.data)
	wantHeader(t, first.Header, "Cache-Status", miss)
	second := in.get(tokenFile)
	wantBody(t, second, dp.data)
	wantHeader(t, second.Header, "Cache-Status", hit)
	plain := s.ask(s.client(), "GET", versioned+"a.cab")
	wantBody(t, plain, dp.data)
	wantHeader(t, plain.Header, "Cache-Status", hit)
	again := s.seenInto("DP1.:443") // another connection, served by express from its first request on
	got := again.get(tokenFile, "Range: bytes=100-199")
	wantStatus(t, got, 206)
	if !bytes.Equal(got.body, dp.data[100:200]) {
		t.Error("another range came")
	}
	if asked := dp.requests("GET"); len(asked) != 1 || asked[0].host != "dp1" || asked[0].header.Get("X-Token") != "mine" {
		t.Errorf("the DP was asked %+v", asked)
	}
	if got := s.counted("branchpoint_tls_connections_total", "intercepted"); got != 2 {
		t.Errorf("%v tunnels were counted, want 2", got)
	}
}

// decisions are hosts, how they speak TLS, and what becomes of a CONNECT to each.
var decisions = []struct {
	host, decision, reason string
	demand                 tls.ClientAuthType
	version                uint16
}{
	{"dp1", "intercepted", "", 0, 0},
	{"a.in", "intercepted", "", 0, 0},
	{"127.0.0.9", "intercepted", "", 0, 0},
	{"no.in", "configured", "interception.tunnel_hosts names it", 0, 0},
	{"uncovered", "uncovered", "our certificate authority does not cover the name, so no client would accept our certificate", 0, 0},
	{"other", "foreign", "", 0, 0},
	{"ours.blob.test", "uncovered", "our certificate authority does not cover the name, so no client would accept our certificate", 0, 0},
	{"theirs.blob.test", "foreign", "", 0, 0},
	{"cert12.in", "client_cert", "it asks for a TLS client certificate", tls.RequireAnyClientCert, tls.VersionTLS12},
	{"cert13.in", "client_cert", "it asks for a TLS client certificate", tls.RequireAnyClientCert, tls.VersionTLS13},
	{"may12.in", "client_cert", "it asks for a TLS client certificate", tls.RequestClientCert, tls.VersionTLS12},
	{"may13.in", "client_cert", "it asks for a TLS client certificate", tls.RequestClientCert, tls.VersionTLS13},
}

// TestDecisions: what is not for us to see is tunnelled untouched, and the reason of a host of ours is told.
func TestDecisions(t *testing.T) {
	s := newTrusting(t, options{config: proxy.Config{TunnelHosts: []string{"no.in"}, BlobHosts: []string{"ours.blob.test", "*.blob.test"}}})
	dp := newDP(1000)
	for _, tt := range decisions {
		s.startTLS(tt.host+":443", dp, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tt.demand, tt.version })
	}
	for _, tt := range decisions {
		t.Run(tt.host, func(t *testing.T) {
			before := s.counted("branchpoint_tls_connections_total", tt.decision)
			pool := s.servers
			if tt.decision == "intercepted" {
				pool = s.box.testCA
			}
			for range 2 {
				if _, err := s.into(tt.host+":443", pool); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.counted("branchpoint_tls_connections_total", tt.decision); got != before+2 {
				t.Errorf("%v tunnels were %s, want %v", got, tt.decision, before+2)
			}
			var status proxy.InterceptedHost
			for _, one := range s.proxy.Interception().Hosts {
				if one.Name == tt.host {
					status = one
				}
			}
			if ours := tt.decision != "foreign"; ours != (status.Connections == 2) || status.Intercepted != (tt.decision == "intercepted") || status.Reason != tt.reason {
				t.Errorf("the status is %+v", status)
			}
			if told := strings.Count(s.log.String(), `"host":"`+tt.host+`","reason"`); (told == 1) != (tt.reason != "") {
				t.Errorf("the log tells %d times", told)
			}
		})
	}
	if !s.proxy.Interception().On {
		t.Error("interception is off")
	}
}

// TestWithoutAuthority: everything is tunnelled, and nobody is told anything.
func TestWithoutAuthority(t *testing.T) {
	s := newTrusting(t, options{})
	plain := &trusting{site: newSite(t, options{config: proxy.Config{InterceptHosts: []string{"dp1"}}}), servers: s.servers, box: s.box, own: s.own}
	plain.startTLS("dp1:443", newDP(10), nil)
	if _, err := plain.into("dp1:443", s.servers); err != nil {
		t.Error(err)
	}
	if got := plain.proxy.Interception(); got.On || len(got.Hosts) > 0 {
		t.Errorf("the status is %+v", got)
	}
}

// TestBrokenAuthority: a host of ours is tunnelled when no certificate can be made.
func TestBrokenAuthority(t *testing.T) {
	s := newTrusting(t, options{})
	s.box.breakDown()
	s.startTLS("dp1:443", newDP(10), nil)
	if _, err := s.into("dp1:443", s.servers); err != nil {
		t.Error(err)
	}
}

// TestLearnedHosts: a host that serves content over plain HTTP is seen into over HTTPS from then on.
func TestLearnedHosts(t *testing.T) {
	s := newTrusting(t, options{})
	dp := newDP(1000)
	for _, name := range []string{"new", "empty", "uncovered"} {
		s.start(name+":80", dp)
		s.startTLS(name+":443", dp, nil)
	}
	s.start("empty:80", http.NotFoundHandler())
	for _, tt := range []struct {
		host string
		pool *testCA
	}{{"new", s.box.testCA}, {"empty", s.servers}, {"uncovered", s.servers}} {
		if _, err := s.into(tt.host+":443", s.servers); err != nil {
			t.Fatalf("%s before: %v", tt.host, err)
		}
		s.ask(s.client(), "GET", "http://"+tt.host+"/SMS_DP_SMSPKG$/PS100015.3/a.cab")
		if _, err := s.into(tt.host+":443", tt.pool); err != nil {
			t.Errorf("%s after: %v", tt.host, err)
		}
	}
}
