package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// head makes the head of a request for the one file.
func head(line string, fields ...string) string {
	return line + " HTTP/1.1\r\n" + strings.Join(append([]string{"Host: dp1"}, fields...), "\r\n") + "\r\n\r\n"
}

const (
	file    = "http://dp1/SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab"
	another = "http://dp1/SMS_DP_SMSPKG$/PS100015.1/sccm?/b.cab"
)

// TestWhatIsAHit: only a plain request for what is on disk is answered without net/http.
func TestWhatIsAHit(t *testing.T) {
	x := newHits(t, 4096)
	warm(t, x, oneRequest)
	for _, c := range []struct {
		name, head string
		hit        bool
	}{
		{"plain", head("GET " + file), true},
		{"HEAD", head("HEAD " + file), true},
		{"range", head("GET "+file, "Range: bytes=1-2"), true},
		{"keep-alive", head("GET "+file, "Connection: Keep-Alive", "Proxy-Connection: keep-alive"), true},
		{"not on disk", head("GET " + another), false},
		{"not content", head("GET http://dp1/index.html"), false},
		{"origin form", head("GET /SMS_DP_SMSPKG$/PS100015.1/a.cab"), false},
		{"POST", head("POST " + file), false},
		{"CONNECT", head("CONNECT dp1:443"), false},
		{"HTTP/1.0", "GET " + file + " HTTP/1.0\r\nHost: dp1\r\n\r\n", false},
		{"no host", "GET " + file + " HTTP/1.1\r\nAccept: */*\r\n\r\n", false},
		{"two hosts", head("GET "+file, "Host: dp2"), false},
		{"length", head("GET "+file, "Content-Length: 5"), false},
		{"length zero", head("GET "+file, "content-length: 0"), false},
		{"length with a space before the colon", head("GET "+file, "Content-Length : 5"), false},
		{"chunked", head("GET "+file, "Transfer-Encoding: chunked"), false},
		{"chunked with a space", head("GET "+file, "Transfer-Encoding : chunked"), false},
		{"no colon", head("GET "+file, "nonsense"), false},
		{"folded", head("GET "+file, "X-A: b", " c"), false},
		{"bare LF", strings.Replace(head("GET "+file, "X-A: b"), "\r\nX-A", "\nX-A", 1), false},
		{"NUL", head("GET "+file, "X-A: \x00"), false},
		{"bare CR", head("GET "+file, "X-A: a\rb"), false},
		{"close", head("GET "+file, "Connection: close"), false},
		{"upgrade", head("GET "+file, "Upgrade: h2c"), false},
		{"expect", head("GET "+file, "Expect: 100-continue"), false},
		{"a circle", head("GET "+file, "Via: 1.1 "+x.door.p.config.Via), false},
		{"logging in", head("GET "+file, "Authorization: NTLM TlRM"), false},
		{"user in the URL", head("GET http://u:p@dp1/SMS_DP_SMSPKG$/PS100015.1/a.cab"), false},
		{"junk", "\x16\x03\x01\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := &traveller{Conn: &memoryConn{}, address: "127.0.0.1:1"}
			if got := x.hit(conn, []byte(c.head)) != nil; got != c.hit {
				t.Errorf("a hit: %v, want %v, of\n%s", got, c.hit, c.head)
			}
		})
	}
}

// serveHits runs a proxy that has the one file on disk, and returns its address.
func serveHits(t *testing.T, size int) (address string, stop func() error) {
	t.Helper()
	x := newHits(t, size)
	warm(t, x, oneRequest)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- x.door.p.Serve(ctx, ln, *x.door.settings.Load(), 5*time.Second) }()
	stop = func() error {
		cancel()
		err := <-served
		served <- err
		return err
	}
	t.Cleanup(func() { stop() })
	return ln.Addr().String(), stop
}

func dialHits(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn, bufio.NewReader(conn)
}

// answerOf sends a request over a new connection and returns all of the answer but its date.
func answerOf(t *testing.T, address, method, request string) string {
	t.Helper()
	conn, in := dialHits(t, address)
	io.WriteString(conn, request)
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Header.Del("Date")
	return fmt.Sprint(resp.Status, resp.ContentLength, resp.Close, resp.TransferEncoding, resp.Header, len(body), string(body[:min(len(body), 9)]))
}

// TestHitsAnswerAsNetHTTPDoes: the same request gets the same answer from both loops. "Te" makes it one for net/http.
func TestHitsAnswerAsNetHTTPDoes(t *testing.T) {
	for _, size := range []int{0, 4, 4096, 300_000} {
		address, _ := serveHits(t, size)
		for _, method := range []string{"GET", "HEAD"} {
			for _, fields := range [][]string{
				nil, {"Range: bytes=0-0"}, {"Range: bytes=1-"}, {"Range: bytes=-3"}, {"Range: bytes=999999-"}, {"Range: nonsense"},
				{`If-None-Match: "x"`}, {`If-Match: "y"`}, {"If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"},
				{"Range: bytes=0-1", `If-Range: "x"`}, {"Range: bytes=0-1", `If-Range: "y"`},
			} {
				name := fmt.Sprint(size, method, fields)
				fast := answerOf(t, address, method, head(method+" "+file, fields...))
				slow := answerOf(t, address, method, head(method+" "+file, append(fields, "Te: trailers")...))
				if fast != slow {
					t.Errorf("%s:\n%s\nwant, as net/http answers:\n%s", name, fast, slow)
				}
			}
		}
	}
}

// TestConnectionsChangeHands: what comes after a hit, pipelined too, is answered by whoever can.
func TestConnectionsChangeHands(t *testing.T) {
	address, stop := serveHits(t, 4096)
	conn, in := dialHits(t, address)
	hit, miss := head("GET "+file), head("GET "+another)
	io.WriteString(conn, hit+head("HEAD "+file)+hit+miss+hit+head("GET "+file, "Connection: close"))
	for i, method := range []string{"GET", "HEAD", "GET", "GET", "GET", "GET"} {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || method == "GET" && len(body) != 4096 {
			t.Fatalf("answer %d: %s with %d bytes, %v", i, resp.Status, len(body), err)
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v, want the end", err)
	}
	idle, rest := dialHits(t, address)
	io.WriteString(idle, hit)
	if resp, err := http.ReadResponse(rest, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a hit: %v", err)
	} else {
		io.Copy(io.Discard, resp.Body)
	}
	half, _ := dialHits(t, address)
	io.WriteString(half, "GET http://")
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if _, err := rest.ReadByte(); err == nil {
		t.Error("an idle connection outlives the proxy")
	}
}

// gone is an origin that has nothing to say any more, until nobody wants to know.
type gone struct {
	smallFile
	asked chan bool
}

func (g gone) Source(content.Target) cache.Source { return g }
func (g gone) Stat(ctx context.Context) (cache.Info, error) {
	_, _, err := g.Open(ctx, nil, 0, 0)
	return cache.Info{}, err
}

func (g gone) Open(ctx context.Context, _ *cache.Info, _, _ int64) (cache.Info, io.ReadCloser, error) {
	g.asked <- true
	<-ctx.Done()
	return cache.Info{}, nil, ctx.Err()
}

// TestHitThatIsNone: what was on disk a moment ago and is no more does not keep a shutdown waiting.
func TestHitThatIsNone(t *testing.T) {
	x := newHits(t, 4096)
	warm(t, x, oneRequest)
	p := x.door.p
	c := &traveller{Conn: &memoryConn{}, address: "127.0.0.1:1"}
	c.out.conn = c.Conn
	e := x.hit(c, []byte(head("GET "+file)))
	if e == nil {
		t.Fatal("it is no hit")
	}
	origin := gone{asked: make(chan bool, 10)}
	p.config.Origins = origin
	if !p.config.Cache.Remove(e.key().Name) {
		t.Fatal("it cannot be removed")
	}
	answered := make(chan bool)
	x.work.Go(func() { answered <- x.answer(e) })
	<-origin.asked
	x.close()
	over, end := context.WithCancel(t.Context())
	end()
	go x.wait(over)
	if <-answered {
		t.Error("the connection is good for another request")
	}
}

// TestTogether: head and body of a hit leave by one call of the system, which package net does for its own connections only.
func TestTogether(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for name, conn := range map[string]net.Conn{
		"accepted": &limitedConn{server, func() {}}, "redirected": &resumed{Conn: &limitedConn{server, func() {}}}, "itself": server,
	} {
		if tcpConn(conn) != server {
			t.Errorf("%s: the connection of the system is not found", name)
		}
	}
	client.Close()
	x := newHits(t, 4096)
	c := &traveller{Conn: &limitedConn{server, func() {}}, came: server}
	if x.serve(c); c.out.tcp != server {
		t.Error("express does not use it")
	}
}

// TestHitThatIsPassedOn: the request of a hit that turns out to be none is still one of its connection, and ends with the door.
func TestHitThatIsPassedOn(t *testing.T) {
	x := newHits(t, 4096)
	warm(t, x, oneRequest)
	c := &traveller{Conn: &memoryConn{}, address: "127.0.0.1:1", to: &destination{scheme: "http", host: "dp1:80"}}
	e := x.hit(c, []byte(head("GET "+file)))
	if e == nil {
		t.Fatal("it is no hit")
	}
	r := e.w.(*wire).request
	if to := connOf(r).to; to != c.to {
		t.Errorf("it leads to %v, its connection to %v", to, c.to)
	}
	x.cut()
	if r.Context().Err() == nil {
		t.Error("it goes on when the door has closed")
	}
}
