package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestInsideATunnel: HTTP as net/http speaks it, and the traps of a loop of one's own.
func TestInsideATunnel(t *testing.T) {
	s := newTrusting(t, options{})
	bodies := make(chan string, 100)
	s.startTLS("dp1:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		fmt.Fprintf(w, "%s %s at %s %q", r.Method, r.RequestURI, r.Host, body)
	}), nil)
	for _, tt := range []struct {
		name, request string
		status        int
		answer        string
		closes        bool
	}{
		{"a request", "GET /a%7eb?c HTTP/1.1\r\nHost: dp1\r\n\r\n", 200, `GET /a%7eb?c at dp1 ""`, false},
		{"PROPFIND", "PROPFIND /x/ HTTP/1.1\r\nHost: DP1:443\r\nDepth: 1\r\nContent-Length: 3\r\n\r\nabc", 200, `PROPFIND /x/ at DP1:443 "abc"`, false},
		{"chunked", "POST /x HTTP/1.1\r\nHost: dp1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, `POST /x at dp1 "abcde"`, false},
		{"close", "GET /x HTTP/1.1\r\nHost: dp1\r\nConnection: close\r\n\r\n", 200, `GET /x at dp1 ""`, true},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\nHost: dp1\r\n\r\n", 200, `GET /x at dp1 ""`, true},
		{"HTTP/1.0, no host", "GET /x HTTP/1.0\r\n\r\n", 200, `GET /x at dp1:443 ""`, true},
		{"absolute", "GET https://dp1/x HTTP/1.1\r\nHost: dp1\r\n\r\n", 200, `GET /x at dp1 ""`, false},
		{"another host", "GET /x HTTP/1.1\r\nHost: dp2\r\n\r\n", 421, misdirects, true},
		{"another port", "GET /x HTTP/1.1\r\nHost: dp1:8443\r\n\r\n", 421, misdirects, true},
		{"absolute, another host", "GET https://dp2/x HTTP/1.1\r\nHost: dp1\r\n\r\n", 421, misdirects, true},
		{"absolute, another scheme", "GET http://dp1/x HTTP/1.1\r\nHost: dp1\r\n\r\n", 421, misdirects, true},
		{"a tunnel in it", "CONNECT dp2:443 HTTP/1.1\r\nHost: dp2:443\r\n\r\n", 405, "Branchpoint: no tunnel begins here: this connection leads to one server.\n", true},
		{"a circle", "GET /x HTTP/1.1\r\nHost: dp1\r\nVia: 1.1 here\r\n\r\n", 508, "Branchpoint: this request has been here before: the proxies go round in a circle.\n", true},
		{"no host", "GET /x HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header", true},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: dp1\r\nHost: dp2\r\n\r\n", 400, "400 Bad Request", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := s.seenInto("dp1:443").send("%s", tt.request)
			got := in.answer("GET")
			wantStatus(t, got, tt.status)
			if string(got.body) != tt.answer || got.Close != tt.closes {
				t.Errorf("%q (closes: %v), want %q (%v)", got.body, got.Close, tt.answer, tt.closes)
			}
			if !tt.closes {
				return
			}
			if _, err := in.r.ReadByte(); err != io.EOF {
				t.Errorf("after the answer: %v, want the end", err)
			}
		})
	}
	for len(bodies) > 0 {
		<-bodies
	}
	t.Run("100-continue", func(t *testing.T) {
		in := s.seenInto("dp1:443").send("POST /x HTTP/1.1\r\nHost: dp1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if line, err := in.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		in.r.ReadString('\n')
		if len(bodies) > 0 {
			t.Error("a body came before it was sent")
		}
		wantStatus(t, in.send("abc").answer("POST"), 200)
		if got := <-bodies; got != "abc" {
			t.Errorf("the body is %q", got)
		}
	})
}

// TestEarlyBytes: what a client sends together with its CONNECT is not lost.
func TestEarlyBytes(t *testing.T) {
	s := newTrusting(t, options{})
	dp := newDP(1000)
	s.startTLS("dp1:443", dp, nil)
	var hello bytes.Buffer
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	client := tls.Client(ours, &tls.Config{ServerName: "dp1", RootCAs: s.box.pool})
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	first := make([]byte, 16<<10)
	n, err := theirs.Read(first)
	s.must(err)
	hello.WriteString("CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n")
	hello.Write(first[:n])
	c := s.raw().send("%s", hello.String())
	wantTunnel(t, c)
	go io.Copy(c, theirs)
	go io.Copy(theirs, c.r)
	s.must(<-shaken)
	io.WriteString(client, "GET "+tokenFile+" HTTP/1.1\r\nHost: dp1\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	s.must(err)
	body, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(body, dp.data) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// TestSmugglingInside: a request that could be read in two ways reaches the DP as one, or not at all.
func TestSmugglingInside(t *testing.T) {
	s := newTrusting(t, options{})
	dp := newDP(100)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s.startTLS("dp1:443", dp, nil)
	const second = "GET /smuggled HTTP/1.1\r\nHost: dp1\r\n\r\n"
	for name, head := range map[string]string{
		"length and chunked":       "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
		"chunked twice":            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + second,
		"another coding":           "Transfer-Encoding: xchunked\r\n\r\n" + second,
		"two lengths":              "Content-Length: 0\r\nContent-Length: 41\r\n\r\n" + second,
		"a length with a sign":     "Content-Length: +41\r\n\r\n" + second,
		"a space before the colon": "Content-Length : 41\r\n\r\n" + second,
		"folded":                   "X-A: b\r\n Content-Length: 41\r\n\r\n" + second,
		"a bare CR":                "X-A: b\rContent-Length: 41\r\n\r\n" + second,
		"a NUL":                    "X-A: \x00\r\n\r\n" + second,
		"a chunk with a sign":      "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + second,
	} {
		t.Run(name, func(t *testing.T) {
			before := len(dp.requests())
			in := s.seenInto("dp1:443").send("POST /first HTTP/1.1\r\nHost: dp1\r\n%s", head)
			in.CloseWrite()
			answered := 0
			for got := in.answer("POST"); got.err == nil; got = in.answer("POST") {
				if got.StatusCode == 200 {
					answered++
				}
			}
			smuggled := 0
			for _, r := range dp.requests()[before:] {
				if r.target == "/smuggled" {
					smuggled++
				}
			}
			if smuggled > max(answered-1, 0) {
				t.Errorf("the DP saw %d smuggled requests, and %d were answered", smuggled, answered)
			}
		})
	}
}

// TestDecisions: what is not for us to see is tunnelled untouched, and the reason of a host of ours is told.
func TestDecisions(t *testing.T) {
	s := newTrusting(t, options{config: proxy.Config{TunnelHosts: []string{"no.in"}, BlobHosts: []string{"ours.blob.test", "*.blob.test"}}})
	var required, wanted tls.Config
	demand := func(c *tls.Config, kind tls.ClientAuthType, version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.ClientAuth, c.MaxVersion = kind, version }
	}
	dp := newDP(1000)
	s.startTLS("dp1:443", dp, nil)
	s.startTLS("a.in:443", dp, nil)
	s.startTLS("no.in:443", dp, nil)
	s.startTLS("uncovered:443", dp, nil)
	s.startTLS("other:443", dp, nil)
	s.startTLS("ours.blob.test:443", dp, nil)
	s.startTLS("theirs.blob.test:443", dp, nil)
	s.startTLS("127.0.0.9:443", dp, nil)
	s.startTLS("cert12.in:443", dp, demand(&required, tls.RequireAnyClientCert, tls.VersionTLS12))
	s.startTLS("cert13.in:443", dp, demand(&required, tls.RequireAnyClientCert, tls.VersionTLS13))
	s.startTLS("may12.in:443", dp, demand(&wanted, tls.RequestClientCert, tls.VersionTLS12))
	s.startTLS("may13.in:443", dp, demand(&wanted, tls.RequestClientCert, tls.VersionTLS13))
	for _, tt := range []struct {
		host, decision, reason string
		seen                   bool
	}{
		{"dp1", "intercepted", "", true},
		{"a.in", "intercepted", "", true},
		{"127.0.0.9", "intercepted", "", true},
		{"no.in", "configured", "interception.tunnel_hosts names it", false},
		{"uncovered", "uncovered", "our certificate authority does not cover the name, so no client would accept our certificate", false},
		{"other", "foreign", "", false},
		{"ours.blob.test", "uncovered", "our certificate authority does not cover the name, so no client would accept our certificate", false},
		{"theirs.blob.test", "foreign", "", false},
		{"cert12.in", "client_cert", "it asks for a TLS client certificate", false},
		{"cert13.in", "client_cert", "it asks for a TLS client certificate", false},
		{"may12.in", "client_cert", "it asks for a TLS client certificate", false},
		{"may13.in", "client_cert", "it asks for a TLS client certificate", false},
	} {
		t.Run(tt.host, func(t *testing.T) {
			before := s.counted("branchpoint_tls_connections_total", tt.decision)
			pool := s.servers
			if tt.seen {
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
			if ours := tt.decision != "foreign"; ours != (status.Connections == 2) || status.Intercepted != tt.seen || status.Reason != tt.reason {
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

// TestUnreachableHost: what is on disk is served while nobody answers, and a host that asked for certificates stays tunnelled.
func TestUnreachableHost(t *testing.T) {
	s := newTrusting(t, options{})
	dp := newDP(1000)
	s.startTLS("dp1:443", dp, nil)
	wantBody(t, s.seenInto("dp1:443").get(tokenFile), dp.data)
	s.remove("dp1:443")
	got := s.seenInto("dp1:443").get(tokenFile)
	wantBody(t, got, dp.data)
	wantHeader(t, got.Header, "Cache-Status", hit)
	for range 2 { // never seen before, and nobody answers
		wantStatus(t, s.seenInto("a.in:443").send("GET /x HTTP/1.1\r\nHost: a.in\r\n\r\n").answer("GET"), 502)
	}
}

// TestForbiddenInside: seeing into a tunnel leads nowhere that a tunnel would not.
func TestForbiddenInside(t *testing.T) {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) { return nil, nil }
	s := newTrusting(t, options{config: proxy.Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, network, address)
	}}})
	dial = func(context.Context, string, string) (net.Conn, error) { return nil, &proxy.ForbiddenError{} }
	c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n")
	wantStatus(t, c.answer("GET"), 403)
}

// TestUpstreamCertificates: an upstream that is not who it should be is an error that says so, and never an answer.
func TestUpstreamCertificates(t *testing.T) {
	s := newTrusting(t, options{})
	dp := newDP(1000)
	other := newCA(t)
	with := func(c *tls.Certificate) func(*tls.Config) {
		return func(config *tls.Config) { config.Certificates = []tls.Certificate{*c} }
	}
	s.startTLS("unknown.in:443", dp, with(other.leaf("unknown.in")))
	s.startTLS("name.in:443", dp, with(s.servers.leaf("another.in")))
	s.startTLS("old.in:443", dp, with(s.servers.leafLike(&x509.Certificate{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, "old.in")))
	for host, reason := range map[string]string{
		"unknown.in": "x509: certificate signed by unknown authority",
		"name.in":    "x509: certificate is valid for another.in, not name.in",
		"old.in":     "x509: certificate has expired or is not yet valid",
	} {
		for path, who := range map[string]string{"/x": host + ":443", tokenFile: "a distribution point"} {
			in := s.seenInto(host+":443").send("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
			got := in.answer("GET")
			wantStatus(t, got, 502)
			if want := "Branchpoint: the certificate of " + who + " cannot be verified: " + reason; !strings.HasPrefix(string(got.body), want) {
				t.Errorf("%s%s: %q, want %q", host, path, got.body, want)
			}
			if got.Header.Get("Retry-After") == "" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s%s: %v", host, path, got.Header)
			}
		}
	}
	if n := len(dp.requests()); n > 0 {
		t.Errorf("%d requests went to a server that could be anybody", n)
	}
	if got := s.counted("branchpoint_requests_total", "certificate"); got != 6 {
		t.Errorf("%v were counted, want 6", got)
	}
}

// TestClientDistrust: a client that does not know our authority refuses, and that is told.
func TestClientDistrust(t *testing.T) {
	s := newTrusting(t, options{})
	s.startTLS("dp1:443", newDP(10), nil)
	in, err := s.into("dp1:443", s.servers)
	if err == nil {
		t.Fatal("a certificate of ours was accepted")
	}
	io.Copy(io.Discard, in.raw.TCPConn) // until the proxy has ended it
	s.stop()
	if got := s.counted("branchpoint_tls_handshakes_total", "refused"); got != 1 {
		t.Errorf("%v refusals were counted", got)
	}
	if !strings.Contains(s.log.String(), "the client does not accept our certificate") {
		t.Errorf("the log does not tell:\n%s", s.log)
	}
}

// TestNotTLS: a tunnel of ours that carries something else is passed on.
func TestNotTLS(t *testing.T) {
	s := newTrusting(t, options{})
	s.rawServer("dp1:443", func(conn net.Conn) { io.Copy(conn, conn) })
	c := s.connect("dp1:443").send("hello")
	c.CloseWrite()
	if back, err := io.ReadAll(c.r); string(back) != "hello" || err != nil {
		t.Errorf("%q, %v", back, err)
	}
}
