package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/proxy"
)

// TestLateDemand: a server that asks for a client's certificate only after the request, as IIS does, is tunnelled from then on,
// and the client's connection ends so that its next one is.
func TestLateDemand(t *testing.T) {
	for name, request := range map[string]string{
		"content":        "GET /SMS_DP_SMSPKG$/PS100015/sccm?/a.cab HTTP/1.1",
		"something else": "PROPFIND /SMS_DP_SMSPKG$/PS100015 HTTP/1.1\r\nDepth: 1",
	} {
		t.Run(name, func(t *testing.T) {
			ca, err := sim.NewCA()
			if err != nil {
				t.Fatal(err)
			}
			lib := sim.NewLibrary()
			if _, err := lib.Publish("PS100015", sim.FileSpec{Path: "a.cab", Size: 1000}); err != nil {
				t.Fatal(err)
			}
			dp, err := sim.NewDP(sim.DPConfig{Name: "dp1", Host: "localhost", Names: []string{"dp1"}, Library: lib, HTTPSAddr: "127.0.0.1:0", CA: ca,
				Demand: sim.DemandAfterRequest, Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessCertificate}})
			if err != nil {
				t.Fatal(err)
			}
			if err := dp.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dp.Close() })
			s := newTrustingFor(t, ca.Pool(), options{})
			s.add("dp1:443", dp.Address("https"))
			in := s.seenInto("dp1:443").send("%s\r\nHost: dp1\r\n\r\n", request)
			got := in.answer("GET")
			wantStatus(t, got, http.StatusBadGateway)
			if !got.Close || got.Header.Get("Retry-After") == "" || !strings.Contains(string(got.body), "certificate that only the client has") {
				t.Errorf("%v %q", got.Header, got.body)
			}
			conn := tls.Client(s.connect("dp1:443"), &tls.Config{ServerName: "dp1", RootCAs: ca.Pool()})
			defer conn.Close()
			if err := conn.Handshake(); err != nil {
				t.Errorf("the next connection is not tunnelled: %v", err)
			}
			if got := s.counted("branchpoint_requests_total", "client_cert"); got != 1 {
				t.Errorf("%v were counted", got)
			}
		})
	}
}

// demandSteps are what a host does, one after the other, and what fifty clients get who come then.
var demandSteps = []struct {
	what              string
	wait              time.Duration
	asks, unreachable bool
	dials             int32
	decision          string
}{
	{"fifty at once", 0, false, false, 1, "intercepted"},
	{"nine minutes later", 9 * time.Minute, true, false, 0, "intercepted"},
	{"the next minute", 61 * time.Second, true, false, 1, "client_cert"},
	{"it goes away", 11 * time.Minute, true, true, 1, "client_cert"},
	{"half a minute later", 30 * time.Second, false, false, 0, "client_cert"},
	{"it is back, and asks no more", time.Minute, false, false, 1, "client_cert"}, // nobody waits for the news
	{"which is known now", 0, false, false, 0, "intercepted"},
}

// TestDemandIsRemembered: one handshake for everybody who asks at the same time, and none for ten minutes; a host that cannot be
// reached is tried again after one minute, and what was known of it holds on.
func TestDemandIsRemembered(t *testing.T) {
	var asks, unreachable atomic.Bool
	var dials atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			<-time.After(100 * time.Millisecond)
			if unreachable.Load() {
				return nil, errors.New("nobody is there")
			}
			return out.dial(ctx, network, address)
		}
		s := newTrusting(t, options{listen: in, config: proxy.Config{Dial: dial}})
		server := &http.Server{TLSConfig: &tls.Config{
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				c := &tls.Config{Certificates: []tls.Certificate{*s.servers.leaf(hello.ServerName)}}
				if asks.Load() {
					c.ClientAuth = tls.RequestClientCert
				}
				return c, nil
			}}}
		go server.ServeTLS(out, "", "")
		t.Cleanup(func() { server.Close() })
		for _, step := range demandSteps {
			<-time.After(step.wait)
			asks.Store(step.asks)
			unreachable.Store(step.unreachable)
			before := s.counted("branchpoint_tls_connections_total", step.decision)
			dialled := dials.Load()
			for range 50 {
				c, err := in.dial(t.Context(), "", "")
				s.must(err)
				go func() {
					c.Write([]byte("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n"))
					c.Read(make([]byte, 1000))
					tls.Client(c, &tls.Config{ServerName: "dp1", InsecureSkipVerify: true}).Handshake()
					<-time.After(time.Second)
					c.Close()
				}()
			}
			<-time.After(5 * time.Second)
			synctest.Wait()
			if got := s.counted("branchpoint_tls_connections_total", step.decision) - before; got != 50 {
				t.Errorf("%s: %v are %s", step.what, got, step.decision)
			}
			tunnels := int32(0)
			if step.decision != "intercepted" { // each is a connection of its own
				tunnels = 50
			}
			if got := dials.Load() - dialled - tunnels; got != step.dials {
				t.Errorf("%s: %d handshakes, want %d", step.what, got, step.dials)
			}
		}
	})
}
