package upstream

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// TestABadCopyIsNoNewVersion: immutable content does not change, so what one DP has is no proof as long as another is unheard.
func TestABadCopyIsNoNewVersion(t *testing.T) {
	data, bad := randomBytes(60, 1000), randomBytes(61, 999)
	wrong := func(d *fakeDP) { d.data = bad }
	says := func(code int) func(*fakeDP) { return func(d *fakeDP) { d.setScript(statusOf(code)) } }
	for _, tt := range []struct {
		name         string
		raw          string
		named, other func(*fakeDP)
		want         error
	}{
		{"the other is broken", immutable, wrong, says(500), cache.ErrUnreachable},
		{"the named one is broken", immutable, says(500), wrong, cache.ErrUnreachable},
		{"the other refuses", immutable, wrong, says(403), cache.ErrChanged},
		{"the other has none", immutable, wrong, says(404), cache.ErrChanged},
		{"the other is broken, and the content may change", mutable, wrong, says(500), cache.ErrChanged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newDP(t, data), newDP(t, data)
			tt.named(a)
			tt.other(b)
			p := testPool(t, Config{Locations: at(a, b)})
			if _, _, err := readAll(t, p.Source(targetAt(t, p, a.URL, tt.raw)), infoFor(data), 0, 10); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestABadCopyIsWaitedOut: a download that has begun goes on when the DP with the good copy is back.
func TestABadCopyIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(62, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 1000, nil), "b": serveFile(data[:900], 900, nil)})
		n.set("a", true)
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, GiveUpAfter: 2 * time.Minute})
		time.AfterFunc(time.Minute, func() { n.set("a", false) })
		began := time.Now()
		mustRead(t, p.Source(targetAt(t, p, "http://a:80", immutable)), infoFor(data), 100, 500, data)
		if d := time.Since(began); d < time.Minute || d > 75*time.Second {
			t.Errorf("it took %v; the DP was away for a minute", d)
		}
	})
}
