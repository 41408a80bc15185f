package proxy_test

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeDP is a distribution point that serves the same bytes under every name, and keeps what it was asked.
type fakeDP struct {
	mu       sync.Mutex
	script   http.HandlerFunc // answers; nil means the file
	data     []byte
	modified time.Time
	etag     string
	seen     []seen
}

// seen is a request as the DP saw it.
type seen struct {
	method, target, host string
	header               http.Header
}

func newDP(size int) *fakeDP {
	return &fakeDP{data: bytesOf(7, size), modified: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), etag: `"dp-1"`}
}

func bytesOf(seed uint64, n int) []byte {
	var key [32]byte
	key[0] = byte(seed)
	data := make([]byte, n)
	rand.NewChaCha8(key).Read(data)
	return data
}

func (d *fakeDP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.seen = append(d.seen, seen{r.Method, r.RequestURI, r.Host, r.Header.Clone()})
	h := d.script
	d.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	d.file(w, r)
}

// file answers as IIS does for a static file.
func (d *fakeDP) file(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	data, modified, etag := d.data, d.modified, d.etag
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-test")
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

func (d *fakeDP) answerWith(h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script = h
}

// change puts another file in the place of the first.
func (d *fakeDP) change(data []byte, etag string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data, d.modified, d.etag = data, d.modified.Add(time.Hour), etag
}

// requests returns what was asked so far, of the named methods when there are any.
func (d *fakeDP) requests(methods ...string) []seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.seen), func(r seen) bool {
		return len(methods) > 0 && !slices.Contains(methods, r.method)
	})
}

const (
	versioned = "http://dp1/SMS_DP_SMSPKG$/PS100015.3/sccm?/"
	mutable   = "http://dp1/SMS_DP_SMSPKG$/PS100015/sccm?/"
)

func wantStatus(t testing.TB, got answer, want int) {
	t.Helper()
	if got.err != nil || got.StatusCode != want {
		t.Fatalf("status %d (%v), want %d; body %.200q", got.StatusCode, got.err, want, got.body)
	}
}

func wantBody(t testing.TB, got answer, want []byte) {
	t.Helper()
	if got.err != nil || !bytes.Equal(got.body, want) {
		t.Fatalf("status %d, %d bytes (%v), want %d bytes", got.StatusCode, len(got.body), got.err, len(want))
	}
}

func wantHeader(t testing.TB, h http.Header, name, want string) {
	t.Helper()
	if got := strings.Join(h.Values(name), ", "); got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}
