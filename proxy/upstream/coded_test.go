package upstream

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"branchpoint/cache"
)

// TestBlobIsStoredInACoding: it is for the client to undo, and says nothing against the storage.
func TestBlobIsStoredInACoding(t *testing.T) {
	for name, heads := range map[string]bool{"HEAD": true, "GET only": false} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, newDP(t, randomBytes(67, 1000)), "a")
			s.heads = heads
			s.setScript(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				s.answer(t, w, r)
			})
			p := testPool(t, Config{FailuresToOpen: 1})
			src := p.Source(blobAt(t, p, s.URL, "a"))
			for range 4 {
				if got, err := p.Ask(context.Background(), blobAt(t, p, s.URL, "a")); got != http.StatusForbidden || err != nil {
					t.Errorf("Ask = %d, %v, want 403", got, err)
				}
				if _, err := src.Stat(context.Background()); !errors.Is(err, cache.ErrRefused) {
					t.Errorf("Stat: %v, want ErrRefused", err)
				}
				for _, want := range []*cache.Info{nil, infoFor(s.data)} {
					if _, _, err := readAll(t, src, want, 0, 10); !errors.Is(err, cache.ErrRefused) {
						t.Errorf("Open: %v, want ErrRefused", err)
					}
				}
			}
			if got := p.Status()[0]; got.State != "closed" || got.Failures > 0 {
				t.Errorf("the storage is taken for ill: %+v", got)
			}
		})
	}
}
