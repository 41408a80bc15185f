package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"branchpoint/proxy"
)

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
