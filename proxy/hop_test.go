package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// rawServer answers each connection with a script.
func (s *site) rawServer(name string, script func(net.Conn)) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.Cleanup(func() { ln.Close() })
	s.add(name, ln.Addr().String())
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				script(conn)
			}()
		}
	}()
}

// head reads up to the empty line.
func head(conn net.Conn) string {
	var text []byte
	for b := make([]byte, 1); !bytes.HasSuffix(text, []byte("\r\n\r\n")); {
		if _, err := conn.Read(b); err != nil {
			return ""
		}
		text = append(text, b[0])
	}
	return string(text)
}

// TestForwardCutBody: a body that breaks off is never ended properly.
func TestForwardCutBody(t *testing.T) {
	for name, text := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000),
		"short":   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxxxx",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n",
		"until":   "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 50000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, options{})
			arrived := make(chan bool)
			s.rawServer("mp:80", func(conn net.Conn) {
				head(conn)
				io.WriteString(conn, text)
				<-arrived // a reset must not overtake the bytes
				conn.(*net.TCPConn).SetLinger(0)
			})
			c := s.raw().send("GET http://mp/x HTTP/1.1\r\nHost: mp\r\n\r\n")
			if strings.Contains(text, "xxxxxxxxxxxxxxxxxxxx") {
				c.r.Peek(4000)
			}
			close(arrived)
			if got := c.answer("GET"); got.err == nil {
				t.Errorf("%d bytes ended properly", len(got.body))
			}
		})
	}
}

func TestForwardFailures(t *testing.T) {
	s := newSite(t, options{})
	s.rawServer("closes:80", func(conn net.Conn) { head(conn) })
	for status, text := range map[int]string{101: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		99: "HTTP/1.1 099 What\r\n\r\n", 0: "SSH-2.0-OpenSSH\r\n\r\n"} {
		s.rawServer(fmt.Sprintf("says%d:80", status), func(conn net.Conn) { head(conn); io.WriteString(conn, text) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.add("refuses:80", ln.Addr().String())
	ln.Close()
	c := s.raw()
	for _, host := range []string{"nobody", "closes", "refuses", "says101", "says99", "says0"} {
		got := c.send("GET http://%s/x?secret HTTP/1.1\r\nHost: x\r\n\r\n", host).answer("GET")
		wantStatus(t, got, http.StatusBadGateway)
		wantBody(t, got, []byte("Branchpoint: the destination could not be reached.\n"))
		wantHeader(t, got.Header, "Retry-After", "10")
	}
	if strings.Contains(s.log.String(), "panicked") {
		t.Error("a request panicked")
	}
}

// TestForwardOldClients: HTTP/1.0, and one that says close; and neither ends the connection to the destination.
func TestForwardOldClients(t *testing.T) {
	s := newSite(t, options{})
	s.start("mp:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.RemoteAddr)
		w.(http.Flusher).Flush() // chunked
	}))
	var peers []string
	for _, text := range []string{
		"GET http://mp/x HTTP/1.0\r\n\r\n", "GET http://mp/x HTTP/1.1\r\nHost: mp\r\nConnection: close\r\n\r\n",
		"GET http://mp/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	} {
		c := s.raw().send("%s", text)
		got := c.answer("GET")
		wantStatus(t, got, 200)
		if _, err := c.r.ReadByte(); err != io.EOF {
			t.Errorf("%q: the connection stays open (%v)", text, err)
		}
		peers = append(peers, string(got.body))
	}
	if slices.Sort(peers); len(slices.Compact(peers)) != 1 {
		t.Errorf("the destination saw %d connections, want 1", len(slices.Compact(peers)))
	}
}

// TestForwardPipelined: answers come in the order of the requests.
func TestForwardPipelined(t *testing.T) {
	s := newSite(t, options{})
	s.start("mp:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	s.start("dp1:80", newDP(10))
	c := s.raw()
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "GET http://mp/%d HTTP/1.1\r\nHost: mp\r\n\r\nHEAD %sa HTTP/1.1\r\nHost: dp1\r\n\r\n", i, versioned)
	}
	c.send("%s", all.String())
	for i := range 50 {
		wantBody(t, c.answer("GET"), fmt.Appendf(nil, "/%d", i))
		wantStatus(t, c.answer("HEAD"), 200)
	}
}

// TestForwardAfterIdle: a connection that the destination has closed meanwhile costs the client nothing.
func TestForwardAfterIdle(t *testing.T) {
	s := newSite(t, options{})
	closed := make(chan bool)
	s.rawServer("mp:80", func(conn net.Conn) {
		head(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		head(conn) // the next request is read, and not answered
		conn.Close()
		closed <- true
	})
	c := s.client()
	wantStatus(t, s.ask(c, "GET", "http://mp/1"), 200)
	wantStatus(t, s.ask(c, "GET", "http://mp/2"), 200)
	<-closed
}

// TestUpgradeStaysHere: no protocol is switched behind the proxy's back.
func TestUpgradeStaysHere(t *testing.T) {
	s := newSite(t, options{})
	s.start("mp:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		http.Error(w, "upgrade required", http.StatusUpgradeRequired)
	}))
	c := s.raw().send("GET http://mp/ws HTTP/1.1\r\nHost: mp\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	wantStatus(t, c.answer("GET"), http.StatusUpgradeRequired)
	wantStatus(t, c.send("GET http://mp/ws HTTP/1.1\r\nHost: mp\r\n\r\n").answer("GET"), http.StatusUpgradeRequired)
}
