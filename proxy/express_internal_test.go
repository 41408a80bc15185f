package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// smallFile is an origin of one file of 4 KiB.
type smallFile struct{ p []byte }

func (f smallFile) Hierarchy(content.Target) string                  { return "" }
func (f smallFile) Source(content.Target) cache.Source               { return f }
func (f smallFile) Ask(context.Context, content.Target) (int, error) { return http.StatusOK, nil }
func (f smallFile) Stat(context.Context) (cache.Info, error)         { return f.info(), nil }
func (f smallFile) info() cache.Info {
	return cache.Info{Size: int64(len(f.p)), LastModified: time.Unix(1e9, 0).UTC(), ETag: `"x"`}
}
func (f smallFile) Open(_ context.Context, _ *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	return f.info(), io.NopCloser(bytes.NewReader(f.p[off:min(off+n, int64(len(f.p)))])), nil
}

// memoryConn sends the same request a number of times, and forgets the answers.
type memoryConn struct {
	net.Conn
	request []byte
	times   int
	written int
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if c.times == 0 {
		return 0, io.EOF
	}
	c.times--
	return copy(p, c.request), nil
}

func (c *memoryConn) Write(p []byte) (int, error)      { c.written += len(p); return len(p), nil }
func (c *memoryConn) Close() error                     { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234}
}

func newHits(t testing.TB, size int) *express {
	t.Helper()
	c, err := cache.New(cache.Config{Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Cache: c, Origins: smallFile{bytes.Repeat([]byte("4096"), size/4)}, Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); c.Close() })
	return newDoor(p, Listener{Name: "l", Entitlement: Machine, AnyHost: true}).hits
}

// newDoor makes a door that nobody comes through by himself.
func newDoor(p *Proxy, l Listener) *Door {
	d := &Door{p: p, clients: limit(nil, 1)}
	d.settings.Store(&l)
	d.hits = newExpress(d, nil)
	return d
}

const oneRequest = "GET http://dp1/SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: dp1\r\n\r\n"

// warm has the file fetched through net/http's half of the handler.
func warm(t testing.TB, x *express, request string) {
	t.Helper()
	r, err := http.ReadRequest(newReader(request))
	if err != nil {
		t.Fatal(err)
	}
	out := &wire{conn: &memoryConn{}}
	out.begin(r)
	x.door.serveHTTP(out, r)
	if out.status != http.StatusOK || !out.finish() {
		t.Fatalf("fetching the file: status %d", out.status)
	}
}

// BenchmarkHit is what a hit of 4 KiB costs without the system calls of its connection.
func BenchmarkHit(b *testing.B) {
	x := newHits(b, 4096)
	warm(b, x, oneRequest)
	conn := &memoryConn{request: []byte(oneRequest), times: b.N}
	b.ReportAllocs()
	b.ResetTimer()
	x.serve(&traveller{Conn: conn, came: conn, address: "127.0.0.1:1234"})
	if conn.times > 0 || conn.written < 4096*b.N {
		b.Fatalf("%d requests were left, %d bytes written", conn.times, conn.written)
	}
}

func newReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }
