package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// wiretap is a destination that keeps every byte, and answers each request that it finds in them.
type wiretap struct {
	mu       sync.Mutex
	bytes    bytes.Buffer
	requests []*http.Request
	bodies   []string
}

func (s *site) wiretap(name string) *wiretap {
	w := &wiretap{}
	s.rawServer(name, func(conn net.Conn) {
		r := bufio.NewReader(io.TeeReader(conn, w))
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(request.Body)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.requests, w.bodies = append(w.requests, request), append(w.bodies, string(body))
			w.mu.Unlock()
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(request.RequestURI), request.RequestURI)
		}
	})
	return w
}

func (w *wiretap) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes.Write(p)
}

// TestSmuggling sends what two parsers may read in two ways. The destination must get one request for each answer of 200,
// never the one that is hidden, and the client's next request must have its own answer, or none.
func TestSmuggling(t *testing.T) {
	const hidden = "GET http://mp/hidden HTTP/1.1\r\nHost: mp\r\n\r\n"
	chunked := fmt.Sprintf("0\r\n\r\n%s", hidden)
	for name, text := range map[string]string{
		"two lengths":           "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: 0\r\nContent-Length: 43\r\n\r\n" + hidden,
		"two lengths in one":    "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: 0, 43\r\n\r\n" + hidden,
		"length and chunked":    fmt.Sprintf("POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%s", len(chunked), "0\r\n\r\n"),
		"chunked twice":         "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"chunked, strange":      "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: xchunked\r\n\r\n" + chunked,
		"chunked, vertical tab": "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: \x0bchunked\r\n\r\n" + chunked,
		"space before colon":    "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length : 43\r\n\r\n" + hidden,
		"length with a plus":    "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: +43\r\n\r\n" + hidden,
		"length in hex":         "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: 0x2b\r\n\r\n" + hidden,
		"huge length":           "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: 99999999999999999999\r\n\r\n" + hidden,
		"chunk size overflow":   "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + hidden,
		"chunk size negative":   "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
		"chunk without an end":  "POST http://mp/1 HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcGET http://mp/hidden HTTP/1.1\r\n\r\n",
		"bare CR in a header":   "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nX: a\rGET http://mp/hidden HTTP/1.1\r\n\r\n",
		"NUL in a header":       "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nX: a\x00b\r\n\r\n",
		"NUL in the target":     "GET http://mp/1\x00 HTTP/1.1\r\nHost: mp\r\n\r\n",
		"header name with CR":   "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nX\r: a\r\n\r\n",
		"no colon":              "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nnonsense\r\n\r\n",
		"folded first line":     "GET http://mp/1 HTTP/1.1\r\n Host: mp\r\n\r\n",
		"two hosts":             "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nHost: evil\r\n\r\n",
		"no host":               "GET http://mp/1 HTTP/1.1\r\n\r\n",
		"space in the target":   "GET http://mp/1 /hidden HTTP/1.1\r\nHost: mp\r\n\r\n",
		"space in the method":   "GE T http://mp/1 HTTP/1.1\r\nHost: mp\r\n\r\n",
		"HTTP/2 preface":        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"version 1.2":           "GET http://mp/1 HTTP/1.2\r\nHost: mp\r\n\r\n",
		"version 9":             "GET http://mp/1 HTTP/9.9\r\nHost: mp\r\n\r\n",
		"broken escape":         "GET http://mp/%zz HTTP/1.1\r\nHost: mp\r\n\r\n",
		"huge port":             "GET http://mp:99999999/1 HTTP/1.1\r\nHost: mp\r\n\r\n",
		"port with letters":     "GET http://mp:x/1 HTTP/1.1\r\nHost: mp\r\n\r\n",
		"large header":          "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nX: " + strings.Repeat("x", 200_000) + "\r\n\r\n",
		"long target":           "GET http://mp/" + strings.Repeat("x", 200_000) + " HTTP/1.1\r\nHost: mp\r\n\r\n",
		"GET with a body":       fmt.Sprintf("GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"bare LF":               "GET http://mp/1 HTTP/1.1\nHost: mp\nX: y\n\n",
		"folded header":         "GET http://mp/1 HTTP/1.1\r\nHost: mp\r\nX: a\r\n  b\r\n\r\n",
		"TLS":                   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, options{})
			tap := s.wiretap("mp:80")
			c := s.raw()
			io.WriteString(c, text+"GET http://mp/next HTTP/1.1\r\nHost: mp\r\nConnection: close\r\n\r\n")
			var served []string
			for {
				got := c.answer("GET")
				if got.err != nil {
					break
				}
				if got.StatusCode == 200 {
					served = append(served, string(got.body))
				}
			}
			tap.mu.Lock()
			defer tap.mu.Unlock()
			var saw []string
			for _, r := range tap.requests {
				saw = append(saw, r.RequestURI)
				if r.Host != "mp" || strings.Contains(r.RequestURI, "hidden") {
					t.Errorf("the destination saw %s of %s", r.RequestURI, r.Host)
				}
			}
			if strings.Join(saw, " ") != strings.Join(served, " ") || len(saw) > 2 {
				t.Errorf("the destination saw %q, the client %q; on the wire:\n%q", saw, served, tap.bytes.String())
			}
		})
	}
}

// TestTargetWins: the authority of the target, and not the Host header, says where a request goes and what it is.
func TestTargetWins(t *testing.T) {
	s := newSite(t, options{})
	one, two := newDP(1000), newDP(0)
	s.start("dp1:80", one)
	s.start("dp2:80", two)
	for range 2 {
		got := s.raw().send("GET %sa HTTP/1.1\r\nHost: dp2\r\n\r\n", versioned).answer("GET")
		wantBody(t, got, one.data)
	}
	wantStatus(t, s.raw().send("GET http://dp1/pass HTTP/1.1\r\nHost: dp2\r\n\r\n").answer("GET"), 200)
	if got := s.raw().send("GET http://dp2/SMS_DP_SMSPKG$/PS100015.3/a HTTP/1.1\r\nHost: dp1\r\n\r\n").answer("GET"); len(got.body) != 0 {
		t.Errorf("the file of another hierarchy came from the cache")
	}
	for _, r := range one.requests() {
		if r.host != "dp1" {
			t.Errorf("dp1 was asked as %q", r.host)
		}
	}
}

// TestStrangeButRight are requests that look strange and must work.
func TestStrangeButRight(t *testing.T) {
	s := newSite(t, options{})
	tap := s.wiretap("[::1]:8080")
	s.add("mp:80", s.names["[::1]:8080"])
	long := "/" + strings.Repeat("x", 60_000)
	for target, want := range map[string]string{"http://[::1]:8080/a": "/a", "HTTP://MP/a": "/a", "http://mp:/a": "/a", "http://mp?a": "/?a",
		"http://mp": "/", "http://mp" + long: long} {
		got := s.raw().send("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target).answer("GET")
		wantBody(t, got, []byte(want))
	}
	ticket := strings.Repeat("k", 64<<10)
	wantStatus(t, s.raw().send("GET http://mp/k HTTP/1.1\r\nHost: x\r\nAuthorization: Negotiate %s\r\n\r\n", ticket).answer("GET"), 200)
	tap.mu.Lock()
	defer tap.mu.Unlock()
	if got := tap.requests[len(tap.requests)-1].Header.Get("Authorization"); got != "Negotiate "+ticket {
		t.Errorf("%d bytes of the ticket arrived", len(got))
	}
}
