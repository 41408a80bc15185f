package upstream

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// cloud is a site that knows at which storage services a blob is.
type cloud struct {
	mu    sync.Mutex
	urls  []string
	err   error
	asked []string
}

func (c *cloud) Signed(_ context.Context, scheme, host, path string, size int64) (list []SignedURL, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, fmt.Sprintf("%s://%s%s %d", scheme, host, path, size))
	for _, text := range c.urls {
		u, err := NewSignedURL(text)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, c.err
}

func (c *cloud) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// taken returns what was asked since the last call.
func (c *cloud) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.asked
	c.asked = nil
	return taken
}

// signedAt is the URL of the same file at another storage.
func signedAt(s *store, sig string) string {
	return s.URL + "/content-7/Setup/App.msi?sv=2020-12-06&sig=" + sig
}

// twoStores are the blob's own storage and another one with the same file, which dates it otherwise.
func twoStores(t *testing.T, seed uint64) (own, other *store, site *cloud, p *Pool) {
	data := randomBytes(seed, 100_000)
	own, other = newStore(t, newDP(t, data), "a"), newStore(t, newTLSDP(t, data), "ours")
	other.modified, other.etag = modified.Add(24*time.Hour), `"0x9"`
	site = &cloud{urls: []string{signedAt(other, "ours")}}
	return own, other, site, testPool(t, Config{Elsewhere: site, RootCAs: roots(other.fakeDP), FailuresToOpen: 1, CoolDown: time.Hour})
}

func digest(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestBlobGoesOnElsewhere at the exact byte. The client is told what its own storage has told, and no credential of its own
// goes elsewhere.
func TestBlobGoesOnElsewhere(t *testing.T) {
	own, other, site, p := twoStores(t, 80)
	own.sum, other.sum = digest(own.data), digest(own.data)
	target := blobAt(t, p, own.URL, "a")
	target.Header = http.Header{"Authorization": {"Bearer mine"}, "Cookie": {"mine"}}
	s := p.Source(target)
	info, err := s.Stat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own.setScript(own.cutAfter(t, 33_333))
	own.sent.Store(0)
	mustRead(t, s, &info, 0, 100_000, own.data)
	if a, b := own.sent.Load(), other.sent.Load(); a != 33_333 || b != 66_667 {
		t.Errorf("%d and %d bytes were sent, want 33333 and 66667", a, b)
	}
	if want := []string{strings.TrimSuffix(own.URL, "/") + "/ps100015-1/Setup/App.msi 100000"}; !slices.Equal(site.taken(), want) {
		t.Errorf("the site was not asked for %q", want)
	}
	if got := fmt.Sprint(other.lastHeader()); strings.Contains(got, "mine") {
		t.Errorf("elsewhere %s was seen", got)
	}
	asked := own.requests.Load()
	for _, want := range []*cache.Info{nil, &info} { // its own storage failed a moment ago
		_, again, err := readAll(t, s, want, 500, 100)
		if err != nil || !again.LastModified.Equal(modified) || again.ETag != own.etag {
			t.Errorf("known %v: it is %+v, %v", want != nil, again, err)
		}
	}
	if again, err := s.Stat(t.Context()); err != nil || !again.LastModified.Equal(modified) {
		t.Errorf("Stat = %+v, %v; want what its own storage has told", again, err)
	}
	if n := own.requests.Load() - asked; n > 3 {
		t.Errorf("its own storage was asked %d times more", n)
	}
}

// TestAnotherFileElsewhere is recognized by its size or its digest, and makes a liar of who has it.
func TestAnotherFileElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(own, other *store)
		err    error // at the start of the file
		blame  string
	}{
		{"another size", func(_, other *store) { other.data = other.data[1:] }, cache.ErrUnreachable,
			"status 206 with another file than the blob"},
		{"another digest", func(own, other *store) {
			own.sum, other.sum = digest(own.data), digest(other.data[1:])
		}, cache.ErrUnreachable, "status 206 with another file than the blob"},
		{"no ranges", func(_, other *store) {
			other.setScript(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Range")
				other.serve(w, r)
			})
		}, nil, "the whole file instead of a range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, other, _, p := twoStores(t, 81)
			tt.change(own, other)
			s := p.Source(blobAt(t, p, own.URL, "a"))
			info, err := s.Stat(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			own.setScript(statusOf(500))
			if got, _, err := readAll(t, s, &info, 0, 100); !errors.Is(err, tt.err) || tt.err != nil && len(got) > 0 {
				t.Errorf("at the start: %d bytes, %v; want %v", len(got), err, tt.err)
			}
			st := newStream(t.Context(), s.(*source), &info, 500, 100)
			defer st.Close()
			if err := st.reopen(); err == nil {
				t.Error("in the middle it is believed")
			}
			if got := p.Status()[0]; !got.Located || got.Failures == 0 || got.LastError != tt.blame {
				t.Errorf("the liar is not blamed: %+v", got)
			}
		})
	}
}

// TestTwoOfElsewhere who contradict each other do not mix, also where the blob's own storage has told nothing. When that is back,
// it dates the file otherwise, and goes on with it, unless it has another one.
func TestTwoOfElsewhere(t *testing.T) {
	own, first, site, _ := twoStores(t, 82)
	wrong := newStore(t, newTLSDP(t, randomBytes(83, 100_000)), "ours")
	first.sum, wrong.sum = digest(first.data), digest(wrong.data)
	site.urls = append(site.urls, signedAt(wrong, "ours"))
	p := testPool(t, Config{Elsewhere: site, RootCAs: roots(first.fakeDP, wrong.fakeDP), FailuresToOpen: 1, CoolDown: 1})
	own.setScript(statusOf(503))
	first.setScript(first.everyOther(t, 40_000))
	s := p.Source(blobAt(t, p, own.URL, "a"))
	mustRead(t, s, nil, 0, 100_000, first.data)
	info, err := s.Stat(t.Context())
	if err != nil || !info.LastModified.Equal(first.modified) || len(wrong.taken()) == 0 {
		t.Errorf("Stat = %+v, %v; want what the first has told", info, err)
	}
	first.setScript(statusOf(503))
	own.setScript(func(w http.ResponseWriter, r *http.Request) { own.answer(t, w, r) })
	mustRead(t, s, &info, 40_000, 60_000, own.data)
	own.set(func() { own.sum = first.sum })
	if again, err := s.Stat(t.Context()); err != nil || !again.LastModified.Equal(info.LastModified) {
		t.Errorf("its own storage has the same file: %+v, %v; want the date that clients have seen", again, err)
	}
	own.set(func() { own.sum = wrong.sum })
	if _, _, err := readAll(t, s, &info, 40_000, 10); !errors.Is(err, cache.ErrChanged) {
		t.Errorf("its own storage has another file: %v, want ErrChanged", err)
	}
}

// everyOther cuts its answers after n bytes, and fails every second time.
func (s *store) everyOther(t *testing.T, n int64) http.HandlerFunc {
	var gets atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead:
			s.answer(t, w, r)
		case gets.Add(1)%2 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.Header().Set("x-ms-blob-content-md5", s.sum)
			s.cutAfter(t, n)(w, r)
		}
	}
}

// TestWhenElsewhereIsAsked: when the blob's own storage failed or refuses, once for each turn, with the size that is known.
func TestWhenElsewhereIsAsked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script http.HandlerFunc
		asked  int
		err    error // where elsewhere refuses, too
	}{
		{"missing", statusOf(404), 0, cache.ErrMissing},
		{"refused", statusOf(403), 1, cache.ErrRefused},
		{"broken", statusOf(503), 1, cache.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, other, site, p := twoStores(t, 84)
			own.setScript(tt.script)
			s := p.Source(blobAt(t, p, own.URL, "a"))
			other.set(func() { clear(other.good) })
			if _, err := s.Stat(t.Context()); !errors.Is(err, tt.err) || errors.Is(err, cache.ErrMissing) && tt.asked > 0 {
				t.Errorf("elsewhere refuses: %v, want %v", err, tt.err)
			}
			asked := site.taken()
			if len(asked) != tt.asked || tt.asked > 0 && !strings.HasSuffix(asked[0], "/ps100015-1/Setup/App.msi -1") {
				t.Errorf("the site was asked %q", asked)
			}
			site.set(func() { site.err = errors.New("the gateway does not know us") })
			if _, err := s.Stat(t.Context()); !errors.Is(err, tt.err) {
				t.Errorf("the site does not help: %v, want %v", err, tt.err)
			}
			if tt.asked == 0 {
				return
			}
			other.set(func() { other.good["ours"] = true })
			mustRead(t, s, nil, 0, 1000, own.data)
			if info, err := s.Stat(t.Context()); err != nil || !info.LastModified.Equal(other.modified) {
				t.Errorf("Stat = %+v, %v; want what the first has told who told anything", info, err)
			}
		})
	}
}

// TestAFreshURLOfTheSameStorage is as good as that of a client, and one of another file there is none.
func TestAFreshURLOfTheSameStorage(t *testing.T) {
	s := newStore(t, newTLSDP(t, randomBytes(85, 1000)), "fresh")
	site := &cloud{urls: []string{s.URL + "/another/Setup/App.msi?sv=2020-12-06&sig=fresh"}}
	p := testPool(t, Config{Elsewhere: site, RootCAs: roots(s.fakeDP)})
	src := p.Source(blobAt(t, p, s.URL, "ended"))
	if _, _, err := readAll(t, src, nil, 0, 1000); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("another blob: %v, want ErrRefused", err)
	}
	wantTaken(t, s, "ended GET")
	site.urls = []string{s.URL + "/ps100015-1/Setup/App.msi?sv=2020-12-06&sig=fresh"}
	mustRead(t, src, nil, 0, 1000, s.data)
	wantTaken(t, s, "ended GET", "fresh GET")
	mustRead(t, src, nil, 0, 1000, s.data)
	wantTaken(t, s, "fresh GET")
}

// TestElsewhereVouchesForNobody: a question of a client is one to the storage that it named.
func TestElsewhereVouchesForNobody(t *testing.T) {
	own, other, site, p := twoStores(t, 86)
	own.setScript(statusOf(503))
	if status, err := p.Ask(t.Context(), blobAt(t, p, own.URL, "forged")); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("Ask = %d, %v", status, err)
	}
	if asked := site.taken(); len(asked) > 0 || other.requests.Load() > 0 {
		t.Errorf("the site was asked %q, elsewhere %d times", asked, other.requests.Load())
	}
}

func TestNewSignedURL(t *testing.T) {
	for _, bad := range []string{"", "http://s.example/a/b?sig=x", "https://s.example", "https://u:p@s.example/a", "https:///a",
		"https://s.example//a", "https://s.example/a b", "https://s.example/a#b", "https://s.example/\x01", "https://s.example/\u00e9",
		"https://s.example:0/a", "//s.example/a"} {
		if _, err := NewSignedURL(bad); err == nil || strings.Contains(err.Error(), "s.example") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	u, err := NewSignedURL("HTTPS://S.example/abc/d%20e?se=2030-01-02&sig=" + canary)
	if err != nil || u.at != (endpoint{"https", "s.example:443"}) || u.id.Content != "abc" {
		t.Errorf("%v, %v", u.at, err)
	}
	o := u.offer(&source{pool: &pool{}, target: content.Target{}})
	raw, _ := o.reveal()
	if raw != "/abc/d%20e?se=2030-01-02&sig="+canary || !o.until.Equal(time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it is %q until %v", raw, o.until)
	}
}
