package tokenbroker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestAcceptedTokenIsNotDisplaced: what a local client makes up takes the place of nothing that a server has accepted.
func TestAcceptedTokenIsNotDisplaced(t *testing.T) {
	garbage := func(w *world) {
		for i := range 2 * maxOffers {
			w.Observe("site", bearer(fmt.Sprint("garbage-", i+1)))
		}
	}
	tests := []struct {
		name string
		play func(*world, Stamp)
	}{
		{"accepted before it came", func(w *world, good Stamp) { w.Accepted("site", good); garbage(w) }},
		{"accepted after it came", func(w *world, good Stamp) { garbage(w); w.Accepted("site", good) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Sources: []Source{NewRequestSource()}, MaxAge: time.Hour, RefreshBefore: 10 * time.Minute})
				w.Observe("site", bearer("good"))
				good := w.wants(t, "site", "good")
				tt.play(w, good)
				elapse(51 * time.Minute)
				w.wants(t, "site", "good") // the fetch ahead of expiry begins
				synctest.Wait()
				if again := w.wants(t, "site", "good"); again != good {
					t.Errorf("stamp %d, want %d", again, good)
				}
				w.Refused("site", good)
				w.wants(t, "site", fmt.Sprint("garbage-", 2*maxOffers)) // then the latest is worth a try
			})
		})
	}
}

// TestLastAcceptedComesFirst: of two good tokens the one that was accepted last is used.
func TestLastAcceptedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource()}})
		w.Observe("site", bearer("a"))
		a := w.wants(t, "site", "a")
		w.Accepted("site", a)
		w.Observe("site", bearer("b"))
		w.Accepted("site", w.wantsAnother(t, a, "b"))
		w.Observe("site", bearer("c"))
		w.Refused("site", w.wants(t, "site", "b"))
		w.wants(t, "site", "c")
	})
}

// TestAcceptedTokenOfAnotherSource is not the request source's to keep.
func TestAcceptedTokenOfAnotherSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource(), always("file", "good", nil)}, MaxAge: time.Hour})
		w.Accepted("site", w.wants(t, "site", "good"))
		w.Accepted("site", 0)
		w.Accepted("other", 1)
		elapse(2 * time.Hour)
		w.wants(t, "site", "good")
		if got := w.Status()[0].Source; got != "file" {
			t.Errorf("the token is of source %q, want file", got)
		}
	})
}
