package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// insideCases are requests within a tunnel to dp1, and what becomes of them.
var insideCases = []struct {
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
	for _, tt := range insideCases {
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
