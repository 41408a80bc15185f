package upstream

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

// rawServer answers each connection's first request with an empty file, and tells the lines of its head.
func rawServer(t *testing.T) (addr string, heads <-chan []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan []string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			var lines []string
			for scan := bufio.NewScanner(conn); scan.Scan() && scan.Text() != ""; {
				lines = append(lines, scan.Text())
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"1\"\r\nConnection: close\r\n\r\n")
			conn.Close()
			out <- lines
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String(), out
}

// The request target reaches the DP byte for byte.
func TestTargetIsSentUnchanged(t *testing.T) {
	addr, heads := rawServer(t)
	p := testPool(t, Config{})
	for _, raw := range []string{
		"/SMS_DP_SMSPKG$/PS100015/sccm?/a;b&c+d.exe",
		"/SMS_DP_SMSPKG$/PS100015/sccm?/100%.exe",
		"/SMS_DP_SMSPKG%24/PS100015/sccm?/a%20b.exe",
		"/sms_dp_smspkg$/PS100015//sccm?//a//b.exe",
		"/SMS_DP_SMSPKG$/PS100015/a.exe?",
		"/SMS_DP_SMSPKG$/PS100015/sccm?/a?b=c?d",
		"/SMS_DP_SMSPKG$/PS100015/sccm?/[x]{y}|z^`\"<>\\.exe",
		"/SMS_DP_SMSPKG$/PS100015/\xc3\xbcber.exe",
		"/SMS_DP_SMSPKG$/PS100015/a#b.exe",
		"/SMS_DP_SMSPKG$/PS100015/./a/../b:c@d.exe",
		"/SMS_DP_SMSPKG$/PS100015/a%2fb.exe?q",
		"/SMS_DP_SMSPKG$/PS100015/sccm?/" + strings.Repeat("l%C3%A9", 100),
	} {
		target := content.Target{Scheme: "http", Host: addr, Raw: raw, ID: content.ID{Content: "x", Path: "y"}}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			s := p.Source(target)
			var err error
			if method == http.MethodGet {
				_, _, err = s.Open(context.Background(), nil, 0, 1)
			} else {
				_, err = s.Stat(context.Background())
			}
			if err != nil {
				t.Fatalf("%s %s: %v", method, raw, err)
			}
			if got, want := (<-heads)[0], method+" "+raw+" HTTP/1.1"; got != want {
				t.Errorf("request line %q, want %q", got, want)
			}
		}
	}
}

// FuzzRequestTarget: what is asked of a DP is what the client wrote, or that with another alias in front.
func FuzzRequestTarget(f *testing.F) {
	for _, seed := range []string{"/SMS_DP_SMSPKG$/PS100015/a?", "//SMS_DP_SMSPKG$/PS100015/a", "/%53ms_dp_smspkg$/PS100015/sccm?//%zz",
		"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015//a", "/SMS_DP_SMSSIG$/PS100015.1.tar", "http://dp/SMS_DP_SMSPKG$/PS100015/a", "/SMS_DP_SMSPKG$/PS100015/ b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		target, ok := content.Parse("http", "dp", raw)
		if !ok {
			if target, ok = content.ParseFolder("http", "dp", raw); !ok {
				return
			}
		}
		at := endpoint{target.Scheme, target.Host}
		for _, want := range []string{raw, target.WithVdir(content.Plain), target.WithVdir(content.TokenAuth)} {
			var sent strings.Builder
			req := newRequest(t.Context(), route{endpoint: at, raw: want}, query{method: http.MethodHead})
			if err := req.Write(&sent); err != nil {
				t.Fatalf("%q cannot be sent: %v", want, err)
			}
			if line, _, _ := strings.Cut(sent.String(), "\r\n"); line != "HEAD "+want+" HTTP/1.1" || req.URL.Host != "dp:80" {
				t.Errorf("for %q %s is asked %q", want, req.URL.Host, line)
			}
		}
	})
}

func TestHeadersUpstream(t *testing.T) {
	addr, heads := rawServer(t)
	p := testPool(t, Config{Via: "1.1 branchpoint"})
	target := content.Target{Scheme: "http", Host: addr, Raw: "/SMS_DP_SMSPKG$/PS100015/a", Header: http.Header{
		"X-Token": {"secret"}, "User-Agent": {"Microsoft BITS/7.8"}, "Via": {"1.0 first"}, "Range": {"bytes=5-6"},
		"If-Unmodified-Since": {"x"}, "Accept-Encoding": {"identity, peerdist"}, "X-P2p-Peerdist": {"Version=1.1"},
		"Proxy-Connection": {"Keep-Alive"}, "Connection": {"X-Hop, close"}, "X-Hop": {"1"}, "Keep-Alive": {"5"},
		"Host": {"elsewhere"}, "Authorization": {"Negotiate abc"},
	}}
	if _, _, err := p.now.Load().source(target, true).Open(context.Background(), nil, 0, 7); err != nil {
		t.Fatal(err)
	}
	got := strings.Join((<-heads)[1:], "\n")
	want := "Host: " + addr + "\nUser-Agent: Microsoft BITS/7.8\nConnection: close\nAccept-Encoding: identity\n" +
		"Authorization: Negotiate abc\nRange: bytes=0-6\nVia: 1.0 first, 1.1 branchpoint\nX-Token: secret"
	if got != want {
		t.Errorf("the DP saw\n%s\nwant\n%s", got, want)
	}
}

// Only the DP that the client named sees what may be the client's credentials.
func TestOtherLocationsSeeNoCredentials(t *testing.T) {
	a, b := newDP(t, nil), newDP(t, randomBytes(20, 10))
	a.setScript(statusOf(500))
	p := testPool(t, Config{Locations: at(a, b)})
	target := targetAt(t, p, a.URL, immutable)
	target.Header = http.Header{"X-Token": {"secret"}, "Authorization": {"Bearer secret"}, "Cookie": {"secret"}, "User-Agent": {"BITS"}}
	mustRead(t, p.now.Load().source(target, true), nil, 0, 10, b.data)
	if h := a.lastHeader(); h.Get("X-Token") == "" || h.Get("Authorization") == "" || h.Get("Cookie") == "" {
		t.Errorf("the named DP saw %v", h)
	}
	h := b.lastHeader()
	if fmt.Sprint(h) != "map[Accept-Encoding:[identity] Range:[bytes=0-9] User-Agent:[BITS]]" {
		t.Errorf("another DP saw %v", h)
	}
}
