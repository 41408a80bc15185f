package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"branchpoint/cache"
)

// TestOnlySignedURLsAreLent: with the headers that the storage needs, and none that shows who the client is.
func TestOnlySignedURLsAreLent(t *testing.T) {
	s := newStore(t, newDP(t, randomBytes(66, 1000)), "a", "")
	p := testPool(t, Config{})
	secrets := http.Header{"Authorization": {"Bearer mine"}, "Cookie": {"mine"}, "X-Token": {"mine"}, "X-Ms-Version": {"2020-12-06"}}
	for _, sig := range []string{"", "a"} {
		target := blobAt(t, p, s.URL, sig)
		target.Header = secrets
		mustRead(t, p.Source(target), nil, 0, 10, s.data)
		if got := s.lastHeader(); got.Get("Authorization") != "Bearer mine" || got.Get("Cookie") != "mine" {
			t.Errorf("%q: for the client itself the storage saw %v", sig, got)
		}
	}
	s.taken()
	mustRead(t, p.Source(blobAt(t, p, s.URL, "ended")), nil, 0, 10, s.data)
	wantTaken(t, s, "ended GET", "a GET")
	got := s.lastHeader()
	if got.Get("X-Ms-Version") != "2020-12-06" || strings.Contains(fmt.Sprint(got), "mine") {
		t.Errorf("for another client the storage saw %v", got)
	}
	s.set(func() { delete(s.good, "a") })
	if _, _, err := readAll(t, p.Source(blobAt(t, p, s.URL, "ended")), nil, 0, 10); !errors.Is(err, cache.ErrRefused) {
		t.Errorf("without another signed URL: %v, want ErrRefused", err)
	}
	wantTaken(t, s, "ended GET", "a GET")
}
