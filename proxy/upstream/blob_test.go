package upstream

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// store makes a DP a storage service: it serves whoever has a signature that is good, and counts who asked.
type store struct {
	*fakeDP
	etag string
	sum  string // the digest that it tells; empty: none

	mu    sync.Mutex
	good  map[string]bool  // by signature
	heads bool             // HEAD is allowed
	asked []string         // signature and method of each request
	cut   map[string]int64 // after so many bytes; the signature is then no longer good
}

func newStore(t *testing.T, d *fakeDP, good ...string) *store {
	s := &store{fakeDP: d, etag: `"0x1"`, good: map[string]bool{}, heads: true, cut: map[string]int64{}}
	for _, sig := range good {
		s.good[sig] = true
	}
	d.setScript(func(w http.ResponseWriter, r *http.Request) { s.answer(t, w, r) })
	return s
}

func (s *store) answer(t *testing.T, w http.ResponseWriter, r *http.Request) {
	sig := r.URL.Query().Get("sig")
	s.mu.Lock()
	s.asked = append(s.asked, sig+" "+r.Method)
	good, heads, cut, etag, sum := s.good[sig], s.heads, s.cut[sig], s.etag, s.sum
	if cut > 0 {
		delete(s.good, sig)
	}
	s.mu.Unlock()
	w.Header().Set("ETag", etag)
	switch {
	case sum == "":
	case r.Method == http.MethodHead:
		w.Header().Set("Content-MD5", sum)
	default:
		w.Header().Set("x-ms-blob-content-md5", sum)
	}
	switch {
	case !good || !heads && r.Method == http.MethodHead:
		http.Error(w, "AuthenticationFailed", http.StatusForbidden)
	case cut > 0 && r.Method == http.MethodGet:
		s.cutAfter(t, cut)(w, r)
	default:
		s.serve(w, r)
	}
}

// set changes the store under its lock.
func (s *store) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// taken returns what was asked since the last call.
func (s *store) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.asked
	s.asked = nil
	return taken
}

// blobAt is a blob as a client with a signature names it; an empty signature is none.
func blobAt(t *testing.T, p *Pool, base, sig string) content.Target {
	t.Helper()
	raw := "/ps100015-1/Setup/App.msi"
	if sig != "" {
		raw += "?sv=2020-12-06&sig=" + sig
	}
	scheme, host, _ := strings.Cut(base, "://")
	target, ok := content.ParseBlob(scheme, host, raw)
	if !ok {
		t.Fatalf("%s%s is not a blob", base, raw)
	}
	target.ID.Hierarchy = p.Hierarchy(target)
	return target
}

func wantTaken(t *testing.T, s *store, want ...string) {
	t.Helper()
	if got := s.taken(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// TestBlobGoesOnWithAnotherURL: what one client's URL no longer opens goes on with another's, at the exact byte.
func TestBlobGoesOnWithAnotherURL(t *testing.T) {
	data := randomBytes(60, 1000)
	s := newStore(t, newDP(t, data), "a", "b")
	p := testPool(t, Config{})
	a, b := p.Source(blobAt(t, p, s.URL, "a")), p.Source(blobAt(t, p, s.URL, "b"))
	mustRead(t, a, nil, 0, 100, data)
	wantTaken(t, s, "a GET")
	s.set(func() { s.cut["a"] = 300 })
	s.sent.Store(0)
	mustRead(t, a, infoFor(data), 0, 1000, data)
	wantTaken(t, s, "a GET", "a GET", "b GET")
	if sent := s.sent.Load(); sent != 1000 {
		t.Errorf("%d bytes were sent, want each once", sent)
	}
	mustRead(t, a, infoFor(data), 500, 100, data)
	wantTaken(t, s, "b GET") // its own is not tried again

	s.set(func() { delete(s.good, "b") })
	for range 2 {
		if _, _, err := readAll(t, a, infoFor(data), 500, 100); !errors.Is(err, cache.ErrRefused) {
			t.Errorf("nobody's URL is good: %v, want ErrRefused", err)
		}
	}
	if _, err := b.Stat(context.Background()); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("Stat with a URL that is no longer good: %v, want ErrRefused", err)
	}
	s.taken()
	s.set(func() { s.good["c"] = true })
	p.Source(blobAt(t, p, s.URL, "c"))
	mustRead(t, a, infoFor(data), 500, 500, data)
	wantTaken(t, s, "c GET")
}

// TestBlobIsAskedForByOneClient: others' URLs tell nothing of a client.
func TestBlobIsAskedForByOneClient(t *testing.T) {
	s := newStore(t, newDP(t, randomBytes(61, 1000)), "a", "b")
	other := newDP(t, s.data)
	p := testPool(t, Config{Locations: []Location{{Base: s.URL}, {Base: other.URL}}})
	p.Source(blobAt(t, p, s.URL, "a"))
	for _, tt := range []struct {
		sig    string
		heads  bool
		status int
		asked  []string
	}{
		{"a", true, 200, []string{"a HEAD"}},
		{"", true, 403, []string{" HEAD", " GET"}},
		{"forged", true, 403, []string{"forged HEAD", "forged GET"}},
		{"b", false, 206, []string{"b HEAD", "b GET"}},
		{"forged", false, 403, []string{"forged HEAD", "forged GET"}},
	} {
		s.set(func() { s.heads = tt.heads })
		if got, err := p.Ask(context.Background(), blobAt(t, p, s.URL, tt.sig)); got != tt.status || err != nil {
			t.Errorf("%q: Ask = %d, %v, want %d", tt.sig, got, err, tt.status)
		}
		wantTaken(t, s, tt.asked...)
	}
	s.setScript(statusOf(503))
	if got, err := p.Ask(context.Background(), blobAt(t, p, s.URL, "a")); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("broken: Ask = %d, %v, want ErrUnreachable", got, err)
	}
	if n := other.requests.Load(); n > 0 {
		t.Errorf("another DP was asked %d times", n)
	}
}

// TestBlobThatIsSignedForGetOnly: one byte tells what it is, and nothing of it stays open.
func TestBlobThatIsSignedForGetOnly(t *testing.T) {
	s := newStore(t, newDP(t, randomBytes(62, 1000)), "a")
	s.heads = false
	p := testPool(t, Config{MaxConnsPerHost: 1})
	for range 3 {
		info, err := p.Source(blobAt(t, p, s.URL, "a")).Stat(context.Background())
		if err != nil || info.Size != 1000 || !info.LastModified.Equal(modified) || info.ETag != s.etag {
			t.Fatalf("Stat = %+v, %v", info, err)
		}
	}
	if sent := s.sent.Load(); sent != 3 {
		t.Errorf("%d bytes were sent, want one a time", sent)
	}
	mustRead(t, p.Source(blobAt(t, p, s.URL, "a")), nil, 0, 1000, s.data)
}

// TestBlobThatChanges: size, time and ETag are its server's word.
func TestBlobThatChanges(t *testing.T) {
	s := newStore(t, newDP(t, randomBytes(63, 1000)), "a")
	p := testPool(t, Config{})
	src := p.Source(blobAt(t, p, s.URL, "a"))
	for _, tt := range []struct {
		name string
		want cache.Info
		err  error
	}{
		{"the same", cache.Info{Size: 1000, LastModified: modified, ETag: `"0x1"`}, nil},
		{"the same, as an older version of the service has it", cache.Info{Size: 1000, LastModified: modified, ETag: `0x1`}, nil},
		{"nothing known of its ETag", cache.Info{Size: 1000, LastModified: modified}, nil},
		{"another ETag", cache.Info{Size: 1000, LastModified: modified, ETag: `"0x2"`}, cache.ErrChanged},
		{"another time", cache.Info{Size: 1000, LastModified: modified.Add(time.Second), ETag: `"0x1"`}, cache.ErrChanged},
		{"another size", cache.Info{Size: 999, LastModified: modified, ETag: `"0x1"`}, cache.ErrChanged},
	} {
		if _, _, err := readAll(t, src, &tt.want, 10, 10); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
	}
}

// TestBlobGetsNoTokenOfOurs: not even where the storage is a configured DP with an audience.
func TestBlobGetsNoTokenOfOurs(t *testing.T) {
	s := newStore(t, newTLSDP(t, randomBytes(64, 1000)), "a")
	other := newTLSDP(t, s.data)
	tokens := &fakeTokens{left: 9}
	p := testPool(t, Config{Tokens: tokens, RootCAs: roots(s.fakeDP, other), TokenVdirs: []content.Vdir{content.Plain, content.TokenAuth},
		Locations: []Location{{Base: s.URL, Audience: "site"}, {Base: other.URL, Audience: "site"}}})
	target := blobAt(t, p, s.URL, "a")
	if want := "host:https:" + target.Host; target.ID.Hierarchy != want {
		t.Errorf("its hierarchy is %q, want %q", target.ID.Hierarchy, want)
	}
	target.Header = http.Header{"X-Ms-Version": {"2020-12-06"}}
	mustRead(t, p.Source(target), nil, 0, 1000, s.data)
	if got := s.lastHeader(); got.Get("X-Ms-Version") != "2020-12-06" {
		t.Errorf("the storage saw %v", got)
	}
	s.set(func() { clear(s.good) })
	if _, _, err := readAll(t, p.Source(target), nil, 0, 10); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("a signature that has ended: %v, want ErrRefused", err)
	}
	if len(tokens.asked) > 0 || other.requests.Load() > 0 {
		t.Errorf("a token for %v was asked for, and another DP %d times", tokens.asked, other.requests.Load())
	}
}
