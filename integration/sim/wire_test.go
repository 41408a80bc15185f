package sim

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// TestRequestsOnTheWire compares the bytes of BITS requests with those of the public capture.
func TestRequestsOnTheWire(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "a;b +%.exe", Data: []byte("0123456789")})
	for _, proxied := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		go func() {
			var text strings.Builder
			defer func() { got <- text.String() }()
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close() //nolint:errcheck // the test is over then
			in := bufio.NewReader(io.TeeReader(conn, &text))
			for _, answer := range []string{
				"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nLast-Modified: Wed, 25 Nov 2020 16:46:48 GMT\r\n\r\n",
				"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
			} {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				if _, err := io.WriteString(conn, answer); err != nil {
					return
				}
			}
		}()
		host, connection, base := ln.Addr().String(), "Connection", ""
		b := newBITS(t, l, func(c *BITSConfig) {
			c.Token, c.TokenHeader, c.TokenFormat = NewSecret("tok"), "X-Token", "T {token}"
			if proxied {
				c.Proxy = &url.URL{Scheme: "http", Host: host}
				host, connection, base = "dp.invalid:8080", "Proxy-Connection", "http://dp.invalid:8080"
			}
		})
		target := "/SMS_DP_SMSPKG$/PS100015/sccm?/a;b%20+%25.exe"
		if r := b.Download(t.Context(), "http://"+host+target); r.Err == nil {
			t.Error("a 404 passes")
		}
		_ = ln.Close()
		want := "HEAD " + base + target + " HTTP/1.1\r\n" + connection + ": Keep-Alive\r\nAccept: */*\r\n" +
			"Accept-Encoding: identity\r\nUser-Agent: Microsoft BITS/7.8\r\nX-Token: T tok\r\nHost: " + host + "\r\n\r\n" +
			"GET " + base + target + " HTTP/1.1\r\n" + connection + ": Keep-Alive\r\nAccept: */*\r\n" +
			"Accept-Encoding: identity\r\nIf-Unmodified-Since: Wed, 25 Nov 2020 16:46:48 GMT\r\nRange: bytes=0-9\r\n" +
			"User-Agent: Microsoft BITS/7.8\r\nX-Token: T tok\r\nHost: " + host + "\r\n\r\n"
		if text := <-got; text != want {
			t.Errorf("proxied %v: sent\n%s\nwant\n%s", proxied, text, want)
		}
	}
}

// newProxy is a small forward proxy with CONNECT, for the clients' explicit-proxy mode.
func newProxy(t *testing.T) (proxy *url.URL, requests func() []string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1000)
	tr := &http.Transport{DisableCompression: true}
	forward := &httputil.ReverseProxy{Transport: tr, Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.RawQuery = r.In.URL.RawQuery }}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Method + " " + r.RequestURI
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		up, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close() //nolint:errcheck // a tunnel that ends, ends
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer down.Close() //nolint:errcheck // a tunnel that ends, ends
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, buffered); _ = up.Close() }()
		_, _ = io.Copy(down, up)
	})}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close(); tr.CloseIdleConnections() })
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}, func() []string {
		var list []string
		for len(seen) > 0 {
			list = append(list, <-seen)
		}
		return list
	}
}

// TestReusedConnectionThatWasClosed: the server closes after an answer without saying so; that is no failure of a client.
func TestReusedConnectionThatWasClosed(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "a", Data: []byte("0123456789")})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, answer := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
			"HTTP/1.1 206 OK\r\nContent-Length: 10\r\nContent-Range: bytes 0-9/10\r\n\r\n0123456789"} {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, answer)
			}
			_ = conn.Close()
		}
	}()
	r := newBITS(t, l, nil).Download(t.Context(), "http://"+ln.Addr().String()+"/SMS_DP_SMSPKG$/PS100015/a")
	if r.Err != nil || r.Retries != 0 || r.Connections != 2 || len(r.Troubles) != 1 {
		t.Errorf("%v, %d retries, %d connections, troubles %v", r.Err, r.Retries, r.Connections, r.Troubles)
	}
	_ = ln.Close()
	<-done
}
