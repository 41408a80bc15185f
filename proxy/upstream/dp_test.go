package upstream

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

var modified = time.Date(2023, 4, 5, 20, 24, 0, 0, time.UTC)

// randomBytes returns n bytes that no two offsets share.
func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0] = byte(seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// fakeDP is a DP with one file. Its script, when set, answers instead of the file; it may call serve.
type fakeDP struct {
	*httptest.Server
	data     []byte
	modified time.Time

	sent     atomic.Int64 // bytes of bodies
	requests atomic.Int64
	mu       sync.Mutex
	script   func(w http.ResponseWriter, r *http.Request)
	heads    []http.Header
}

func newDP(t *testing.T, data []byte) *fakeDP { return startDP(t, data, httptest.NewServer) }

func newTLSDP(t *testing.T, data []byte) *fakeDP { return startDP(t, data, httptest.NewTLSServer) }

func startDP(t *testing.T, data []byte, start func(http.Handler) *httptest.Server) *fakeDP {
	d := &fakeDP{data: data, modified: modified}
	d.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.requests.Add(1)
		d.mu.Lock()
		script := d.script
		d.heads = append(d.heads, r.Header.Clone())
		d.mu.Unlock()
		if script == nil {
			script = d.serve
		}
		script(w, r)
	}))
	d.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(d.Close)
	return d
}

func (d *fakeDP) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(countingWriter{w, &d.sent}, r, "", d.modified, bytes.NewReader(d.data))
}

func (d *fakeDP) setScript(script func(w http.ResponseWriter, r *http.Request)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script = script
}

func (d *fakeDP) lastHeader() http.Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.heads) == 0 {
		return nil
	}
	return d.heads[len(d.heads)-1]
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c countingWriter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b))) // before: the reader may be done before Write returns
	return c.ResponseWriter.Write(b)
}

// asked returns the first offset and the length that a request asks for.
func asked(t *testing.T, r *http.Request) (off, n int64) {
	first, last, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		t.Errorf("a request with Range %q: want a bounded range", r.Header.Get("Range"))
	}
	return from, to - from + 1
}

// testPool makes a pool with short times and ends it with the test.
func testPool(t *testing.T, cfg Config) *Pool {
	t.Helper()
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&cfg.HeaderTimeout, 2*time.Second)
	set(&cfg.StallTimeout, 2*time.Second)
	set(&cfg.GiveUpAfter, 5*time.Second)
	p, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// at returns locations for the DPs, all of one hierarchy.
func at(dps ...*fakeDP) (list []Location) {
	for _, d := range dps {
		list = append(list, Location{Base: d.URL, Hierarchy: "lab"})
	}
	return list
}

const immutable = "/SMS_DP_SMSPKG$/Content_6cb3ed0b-1bd6-4c72-a7d4-c4b3bdc03005.1/sccm?/setup/app.msi"
const mutable = "/SMS_DP_SMSPKG$/PS100015/sccm?/setup/app.msi"

// targetAt is a file as a client names it.
func targetAt(t *testing.T, p *Pool, base, raw string) content.Target {
	t.Helper()
	scheme, host, _ := strings.Cut(base, "://")
	target, ok := content.Parse(scheme, host, raw)
	if !ok {
		t.Fatalf("%s%s is not content", base, raw)
	}
	target.ID.Hierarchy = p.Hierarchy(target)
	return target
}

func readAll(t *testing.T, s cache.Source, want *cache.Info, off, n int64) ([]byte, cache.Info, error) {
	t.Helper()
	info, rc, err := s.Open(context.Background(), want, off, n)
	if err != nil || rc == nil {
		return nil, info, err
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	return b, info, err
}

// mustRead reads a range and compares it with the truth.
func mustRead(t *testing.T, s cache.Source, want *cache.Info, off, n int64, truth []byte) {
	t.Helper()
	got, info, err := readAll(t, s, want, off, n)
	if err != nil {
		t.Fatalf("reading %d+%d: %v", off, n, err)
	}
	end := min(off+n, int64(len(truth)))
	if !bytes.Equal(got, truth[off:end]) {
		t.Fatalf("reading %d+%d: %d bytes that are not those of the file", off, n, len(got))
	}
	if info.Size != int64(len(truth)) {
		t.Fatalf("reading %d+%d: size %d, want %d", off, n, info.Size, len(truth))
	}
}

func roots(dps ...*fakeDP) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, d := range dps {
		pool.AddCert(d.Certificate())
	}
	return pool
}

func infoFor(data []byte) *cache.Info {
	return &cache.Info{Size: int64(len(data)), LastModified: modified}
}

func statusOf(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, fmt.Sprint(code), code) }
}
