package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"branchpoint/cache"
)

// lies are answers to a GET of bytes 100-199 of a file of 1000 bytes that must not be believed. write sends the body bytes.
var lies = []struct {
	name   string
	status int
	header map[string]string
	body   int
}{
	{"a 200 to a range", 200, map[string]string{"Content-Length": "1000"}, 1000},
	{"no Content-Range", 206, nil, 100},
	{"begins too early", 206, map[string]string{"Content-Range": "bytes 99-198/1000"}, 100},
	{"begins too late", 206, map[string]string{"Content-Range": "bytes 101-199/1000"}, 99},
	{"goes on too far", 206, map[string]string{"Content-Range": "bytes 100-200/1000"}, 101},
	{"another total", 206, map[string]string{"Content-Range": "bytes 100-199/1001"}, 100},
	{"no total", 206, map[string]string{"Content-Range": "bytes 100-199/*"}, 100},
	{"a Content-Length that contradicts", 206, map[string]string{"Content-Range": "bytes 100-199/1000", "Content-Length": "90"}, 90},
	{"BranchCache hashes", 206, map[string]string{"Content-Range": "bytes 100-199/1000", "Content-Encoding": "peerdist"}, 100},
	{"several ranges in one", 206, map[string]string{"Content-Range": "bytes 100-199/1000", "Content-Type": "multipart/byteranges; boundary=x"}, 100},
	{"a body that ends early", 206, map[string]string{"Content-Range": "bytes 100-199/1000", "Content-Length": "100"}, 50},
	{"an empty body", 206, map[string]string{"Content-Range": "bytes 100-199/1000", "Content-Length": "100"}, 0},
	{"no content", 204, nil, 0},
	{"server error", 500, nil, 5},
	{"overload", 503, nil, 5},
	{"too many requests", 429, nil, 5},
	{"out of range", 416, map[string]string{"Content-Range": "bytes */50"}, 0},
}

// A liar costs nothing while another DP has the right bytes, and is not believed when it is alone.
func TestLies(t *testing.T) {
	data := randomBytes(10, 1000)
	for _, lie := range lies {
		tell := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
			for name, value := range lie.header {
				w.Header().Set(name, value)
			}
			if r.Method == http.MethodHead {
				w.Header().Set("Content-Length", "1000")
				w.Header().Del("Content-Range")
				return
			}
			w.WriteHeader(lie.status)
			w.Write(make([]byte, lie.body))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		t.Run(lie.name, func(t *testing.T) {
			a, b := newDP(t, data), newDP(t, data)
			a.setScript(tell)
			p := testPool(t, Config{Locations: at(a, b)})
			source := p.Source(targetAt(t, p, a.URL, immutable))
			if lie.name == "a body that ends early" { // the bytes that did come cannot be checked
				got, _, err := readAll(t, source, infoFor(data), 100, 100)
				if err != nil || len(got) != 100 || string(got[50:]) != string(data[150:200]) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			} else {
				mustRead(t, source, infoFor(data), 100, 100, data)
			}
			if s := p.Status()[0]; s.Failures == 0 || s.LastError == "" {
				t.Errorf("the liar is not blamed: %+v", s)
			}
			if s := p.Status()[1]; s.Failures != 0 {
				t.Errorf("the honest one is blamed: %+v", s)
			}
		})
	}
}

func TestLiarsAlone(t *testing.T) {
	data := randomBytes(10, 1000)
	for _, tt := range []struct {
		name   string
		script func(http.ResponseWriter, *http.Request)
		want   error
	}{
		{"a coded body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Range", "bytes 0-9/1000")
			w.WriteHeader(206)
			w.Write(make([]byte, 10))
		}, cache.ErrUnreachable},
		{"no size", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"x"`)
			w.Write(make([]byte, 10))
			w.(http.Flusher).Flush()
		}, cache.ErrUnreachable},
		{"a listing", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", "10")
			w.Write(make([]byte, 10))
		}, cache.ErrRefused},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, cache.ErrRefused},
		{"a bad request", statusOf(400), cache.ErrRefused},
		{"a failure", statusOf(502), cache.ErrUnreachable},
		{"not HTTP", func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			buf.WriteString("what?\r\n\r\n")
			buf.Flush()
			conn.Close()
		}, cache.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newDP(t, data)
			a.setScript(tt.script)
			p := testPool(t, Config{Locations: at(a)})
			_, _, err := readAll(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, 0, 10)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if a.requests.Load() != 1 {
				t.Errorf("an opening asked %d times, want once", a.requests.Load())
			}
		})
	}
}

// What several DPs say together.
func TestVerdicts(t *testing.T) {
	data := randomBytes(11, 1000)
	fileOf := func(size int, at time.Time) func(d *fakeDP) {
		return func(d *fakeDP) { d.data, d.modified = randomBytes(12, size), at }
	}
	says := func(code int) func(*fakeDP) { return func(d *fakeDP) { d.setScript(statusOf(code)) } }
	same := func(*fakeDP) {}
	newer := modified.Add(time.Hour)
	for _, tt := range []struct {
		name  string
		raw   string
		named func(*fakeDP)
		other func(*fakeDP)
		want  error // nil: served
	}{
		{"missing at one", immutable, says(404), same, nil},
		{"missing at all", immutable, says(404), says(410), cache.ErrMissing},
		{"missing and broken", immutable, says(404), says(500), cache.ErrUnreachable},
		{"refused at one", immutable, says(401), same, nil},
		{"refused and missing", immutable, says(404), says(403), cache.ErrRefused},
		{"refused and broken", immutable, says(401), says(500), cache.ErrRefused},
		{"immutable, other size at one", immutable, fileOf(999, modified), same, nil},
		{"immutable, other size at all", immutable, fileOf(999, modified), fileOf(999, modified), cache.ErrChanged},
		{"immutable, other date", immutable, fileOf(1000, newer), says(500), nil},
		{"mutable, new version at the named one only", mutable, fileOf(1000, newer), same, nil},
		{"mutable, new version at all", mutable, fileOf(1000, newer), fileOf(1000, newer), cache.ErrChanged},
		{"mutable, new version at the named one, the other missing", mutable, fileOf(1001, newer), says(404), cache.ErrChanged},
		{"mutable, new version at the named one, the other broken", mutable, fileOf(1001, newer), says(500), cache.ErrChanged},
		{"mutable, other without the new version", mutable, says(500), fileOf(1000, modified), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newDP(t, data), newDP(t, data)
			tt.named(a)
			tt.other(b)
			p := testPool(t, Config{Locations: at(a, b)})
			got, _, err := readAll(t, p.Source(targetAt(t, p, a.URL, tt.raw)), infoFor(data), 0, 10)
			if tt.want == nil && (err != nil || len(got) != 10) {
				t.Errorf("%d bytes, %v; want 10", len(got), err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// A new version that shows itself in the middle of a download ends it, and no byte of it is delivered.
func TestChangeInTheMiddle(t *testing.T) {
	data := randomBytes(13, 10_000)
	a := newDP(t, data)
	a.setScript(a.cutAfter(t, 4_000))
	p := testPool(t, Config{Locations: at(a)})
	_, rc, err := p.Source(targetAt(t, p, a.URL, mutable)).Open(context.Background(), nil, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, make([]byte, 4_000)); err != nil {
		t.Fatal(err)
	}
	a.setScript(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", modified.Add(time.Hour).Format(http.TimeFormat))
		w.Header().Set("Content-Range", "bytes 4000-9999/10000")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(make([]byte, 6_000))
	})
	n, err := rc.Read(make([]byte, 10))
	if n != 0 || !errors.Is(err, cache.ErrChanged) {
		t.Errorf("reading on after the change: %d bytes, %v; want ErrChanged", n, err)
	}
}

func TestStat(t *testing.T) {
	a := newDP(t, randomBytes(14, 777))
	p := testPool(t, Config{Locations: at(a)})
	info, err := p.Source(targetAt(t, p, a.URL, mutable)).Stat(context.Background())
	want := cache.Info{Size: 777, LastModified: modified, ContentType: "application/octet-stream"}
	if err != nil || info != want {
		t.Errorf("Stat = %+v, %v; want %+v", info, err, want)
	}
	if h := a.lastHeader(); h.Get("Range") != "" || h.Get("Accept-Encoding") != "identity" {
		t.Errorf("the HEAD carried %v", h)
	}
}

func TestUnreachableTellsSilenceFromRefusal(t *testing.T) {
	silent := newDP(t, nil)
	silent.setScript(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	gone := newDP(t, nil)
	gone.Close()
	for _, tt := range []struct {
		name    string
		dp      *fakeDP
		timeout bool
	}{{"silent", silent, true}, {"gone", gone, false}} {
		t.Run(tt.name, func(t *testing.T) {
			p := testPool(t, Config{Locations: at(tt.dp), HeaderTimeout: 50 * time.Millisecond})
			_, err := p.Source(targetAt(t, p, tt.dp.URL, immutable)).Stat(context.Background())
			var how interface{ Timeout() bool }
			if !errors.Is(err, cache.ErrUnreachable) || !errors.As(err, &how) || how.Timeout() != tt.timeout {
				t.Errorf("got %v; want ErrUnreachable with Timeout() = %v", err, tt.timeout)
			}
			if _, err := p.Ask(context.Background(), targetAt(t, p, tt.dp.URL, immutable)); !errors.Is(err, cache.ErrUnreachable) {
				t.Errorf("Ask: %v, want ErrUnreachable", err)
			}
		})
	}
}

func TestTheFirstRefusalIsTold(t *testing.T) {
	a, b := newDP(t, nil), newDP(t, randomBytes(15, 10))
	p := testPool(t, Config{Locations: at(a, b)})
	var refused *refusedError
	a.setScript(statusOf(401))
	b.setScript(statusOf(403))
	_, err := p.Source(targetAt(t, p, a.URL, immutable)).Stat(context.Background())
	if !errors.As(err, &refused) || refused.status != 401 || fmt.Sprint("http://", refused.host) != a.URL {
		t.Errorf("got %v, want the 401 of the named DP", err)
	}
}

// TestUnaskedSwitchOfProtocols: a 101 is a lie, and nobody reads the connection that comes as its body.
func TestUnaskedSwitchOfProtocols(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close() // silent until the test ends
			go func() {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					io.WriteString(conn, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc")
				}
			}()
		}
	}()
	p := testPool(t, Config{})
	s := p.Source(targetAt(t, p, "http://"+ln.Addr().String(), immutable))
	if _, err := s.Stat(t.Context()); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("a HEAD answered with 101: %v, want unreachable", err)
	}
	if _, _, err := s.Open(t.Context(), nil, 0, 10); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("a GET answered with 101: %v, want unreachable", err)
	}
}
