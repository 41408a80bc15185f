package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"branchpoint/proxy"
)

func TestTunnelBothWays(t *testing.T) {
	s := newSite(t, options{})
	s.rawServer("dp1:443", func(conn net.Conn) { io.Copy(conn, conn) })
	data := bytesOf(1, 1<<20)
	c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n")
	wantTunnel(t, c)
	go func() {
		c.Write(data)
		c.CloseWrite()
	}()
	back, err := io.ReadAll(c.r)
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d bytes came back (%v), want %d", len(back), err, len(data))
	}
}

// TestTunnelHalfClose: the end of one direction leaves the other open.
func TestTunnelHalfClose(t *testing.T) {
	s := newSite(t, options{})
	s.rawServer("dp1:443", func(conn net.Conn) {
		all, _ := io.ReadAll(conn)
		io.WriteString(conn, "got "+string(all))
	})
	c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\nearly ")
	wantTunnel(t, c)
	c.send("late").CloseWrite()
	if back, err := io.ReadAll(c.r); string(back) != "got early late" || err != nil {
		t.Errorf("got %q, %v", back, err)
	}
}

func wantTunnel(t testing.TB, c *raw) {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: "CONNECT"})
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("CONNECT: %v, %v", resp, err)
	}
}

func TestConnectPolicy(t *testing.T) {
	s := newSite(t, options{listener: proxy.Listener{Hosts: []string{"dp1", "mp:8443", "*.site", "[::1]:443"}, ConnectPorts: []string{"443", "8443"}}})
	reached := make(chan string, 100)
	for _, name := range []string{"dp1:443", "dp1:80", "mp:8443", "mp:443", "evil:443", "evil:80", "a.site:443", "[::1]:443", ".site:443"} {
		s.rawServer(name, func(net.Conn) { reached <- name })
	}
	for _, tt := range []struct {
		target string
		status int
	}{
		{"dp1:443", 200}, {"DP1.:443", 200}, {"mp:8443", 200}, {"a.site:443", 200}, {"[::1]:443", 200},
		{"dp1:80", 403}, {"dp1:22", 403}, {"mp:443", 403}, {"evil:443", 403}, {"site:443", 403}, {".site:443", 403},
		{"xdp1:443", 403}, {"a.site.evil:443", 403}, {"dp1:0443", 403}, {"dp1:99999", 403},
		{"evil/.site:443", 400}, {"evil?.site:443", 400}, {"evil#.site:443", 400}, {"x@a.site:443", 400}, {"a.site@evil:443", 400},
		{"dp1", 400}, {"dp1:", 400}, {":443", 400}, {"http://dp1:443/", 400}, {"/", 400}, {"[::1:443", 400},
	} {
		t.Run(tt.target, func(t *testing.T) {
			c := s.raw().send("CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", tt.target)
			resp, err := http.ReadResponse(c.r, &http.Request{Method: "CONNECT"})
			if err != nil || resp.StatusCode != tt.status {
				t.Fatalf("%v (%v), want %d", resp, err, tt.status)
			}
			if tt.status == 200 {
				if name := <-reached; name != strings.ToLower(strings.Replace(tt.target, ".:", ":", 1)) {
					t.Errorf("%s was reached, want %s", name, tt.target)
				}
			}
		})
	}
	if len(reached) > 0 {
		t.Errorf("%s was reached", <-reached)
	}
}

// TestGuard: whatever the name, what the proxy must not lead to is refused when it is dialled.
func TestGuard(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := func() []netip.AddrPort { return []netip.AddrPort{ln.Addr().(*net.TCPAddr).AddrPort()} }
	s := newSite(t, options{listen: ln, config: proxy.Config{Dial: proxy.Guard(time.Second, own)},
		listener: proxy.Listener{ConnectPorts: []string{"443", strings.Split(ln.Addr().String(), ":")[1]}}})
	port := ln.Addr().(*net.TCPAddr).AddrPort().String()
	unspecified := ":443"
	if runtime.GOOS == "windows" { // package net dials loopback in its place there, which is wrong where we listen
		_, unspecified, _ = strings.Cut(port, "127.0.0.1")
	}
	for _, target := range []string{port, "169.254.169.254:443", "[fe80::1]:443", "[fd00:ec2::254]:443", "0.0.0.0" + unspecified, "[::]" + unspecified,
		"100.100.100.200:443", "168.63.129.16:443", "224.0.0.1:443", "[::ffff:169.254.169.254]:443", "[ff02::1]:443",
		"[64:ff9b::169.254.169.254]:443"} {
		for _, text := range []string{"CONNECT " + target, "GET http://" + target + "/x", "POST http://" + target + "/x"} {
			method, _, _ := strings.Cut(text, " ")
			got := s.raw().send("%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", text).answer(method)
			if method == "CONNECT" {
				got.err = nil
			}
			wantStatus(t, got, http.StatusForbidden)
		}
	}
}

// TestTunnelsEndWithTheProxy: neither the drain nor Close waits for a tunnel that nobody ends.
func TestTunnelsEndWithTheProxy(t *testing.T) {
	s := newSite(t, options{})
	s.rawServer("dp1:443", func(conn net.Conn) { io.Copy(io.Discard, conn) })
	var clients []*raw
	for range 20 {
		c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n")
		wantTunnel(t, c)
		clients = append(clients, c)
	}
	s.stop()
	for _, c := range clients {
		if _, err := c.r.ReadByte(); err == nil {
			t.Error("a tunnel is still open")
		}
	}
}

// TestDialEndsWithTheClient: a client that leaves takes the dialling with it.
func TestDialEndsWithTheClient(t *testing.T) {
	dialling, ended := make(chan bool), make(chan error, 1)
	s := newSite(t, options{config: proxy.Config{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialling)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	}}})
	c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n")
	<-dialling
	c.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the dialling ended with %v", err)
	}
}
