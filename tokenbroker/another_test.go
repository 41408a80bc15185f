package tokenbroker

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wantsAnother asks for another token than that of the stamp, and checks it; "" means ErrUnavailable is due.
func (w *world) wantsAnother(t *testing.T, than Stamp, secret string) Stamp {
	t.Helper()
	h := http.Header{}
	stamp, err := w.Another(t.Context(), "site", than, "dp", h)
	if secret == "" {
		if !errors.Is(err, ErrUnavailable) || stamp != 0 || len(h) != 0 {
			t.Fatalf("Another = %d, %v, header %v; want ErrUnavailable and no header", stamp, err, h)
		}
		return 0
	}
	if err != nil || stamp == 0 || stamp == than || h.Get("Authorization") != "Bearer "+secret {
		t.Fatalf("Another = %d, %v, header %v; want %q", stamp, err, h, secret)
	}
	return stamp
}

// TestAnotherLeavesTheTokenInUse: a file that nobody may have takes the token away from nobody.
func TestAnotherLeavesTheTokenInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 0)
		w := newWorld(t, Config{Sources: []Source{src}})
		stamp := w.wants(t, "site", "mp-1")
		for range 50 {
			w.wantsAnother(t, stamp, "mp-2")
			if again := w.wants(t, "site", "mp-1"); again != stamp {
				t.Fatalf("stamp %d, want %d", again, stamp)
			}
		}
		if n := src.count(); n != 2 || w.Status()[0].Refusals != 0 {
			t.Errorf("%d fetches, %d refusals; want 2 and 0", n, w.Status()[0].Refusals)
		}
		elapse(spareFor)
		w.wantsAnother(t, stamp, "mp-3")
	})
}

// TestABurstOf403sCostsOneFetch: the first to get in with the other token makes it the one in use.
func TestABurstOf403sCostsOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, time.Second)
		w := newWorld(t, Config{Sources: []Source{src}})
		stamp := w.wants(t, "site", "mp-1")
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				w.Accepted("site", w.wantsAnother(t, stamp, "mp-2"))
				w.wants(t, "site", "mp-2")
				w.wantsAnother(t, stamp, "mp-2") // late news of the old token
			})
		}
		wg.Wait()
		if s := w.Status()[0]; src.count() != 2 || s.Refusals != 1 || s.Source != "mp" {
			t.Errorf("%d fetches, status %+v; want 2 fetches and 1 refusal", src.count(), s)
		}
	})
}

// TestAnotherPassesOverTheSameSecret: the next source may have a different one. With none, nothing is held.
func TestAnotherPassesOverTheSameSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := "old"
		file := &fake{name: "file", answer: func(context.Context, string, int) (Token, error) {
			return NewToken(secret, time.Time{})
		}}
		w := newWorld(t, Config{Sources: []Source{file, always("command", "old", nil)}})
		stamp := w.wants(t, "site", "old")
		for range 50 {
			w.wantsAnother(t, stamp, "")
		}
		w.wants(t, "site", "old")
		if n := file.count(); n != 2 {
			t.Errorf("the file was read %d times, want twice", n)
		}
		secret = "new" // somebody has written the file anew
		elapse(spareFor)
		w.wantsAnother(t, stamp, "new")
		w.Refused("site", stamp)
		w.wants(t, "site", "new")

		two := newWorld(t, Config{Sources: []Source{always("first", "a", nil), always("second", "b", nil)}})
		two.wantsAnother(t, two.wants(t, "site", "a"), "b")
	})
}

// TestARefusedSpare: a 401 is about the other token alone.
func TestARefusedSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stale := &forgetful{fake: always("second", "stale", nil)}
		w := newWorld(t, Config{Sources: []Source{always("first", "good", nil), stale}})
		stamp := w.wants(t, "site", "good")
		w.Refused("site", w.wantsAnother(t, stamp, "stale"))
		w.wantsAnother(t, stamp, "")
		elapse(spareFor)
		w.wantsAnother(t, stamp, "")
		if again := w.wants(t, "site", "good"); again != stamp || len(stale.forgotten) != 0 {
			t.Errorf("stamp %d, want %d; the source forgot %v", again, stamp, stale.forgotten)
		}
	})
}

// TestASpareIsNoOldOne: what was got long ago does not take the place of a refused token.
func TestASpareIsNoOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("mp", time.Hour, 0)}})
		stamp := w.wants(t, "site", "mp-1")
		w.wantsAnother(t, stamp, "mp-2")
		elapse(spareFor)
		w.Refused("site", stamp)
		w.wants(t, "site", "mp-3")
	})
}

// TestNewsEndsTheWaitForAnother: a token that is handed in is tried at once.
func TestNewsEndsTheWaitForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("file", "old", nil), newTaskSequence(t)}})
		stamp := w.wants(t, "site", "old")
		w.wantsAnother(t, stamp, "")
		if err := w.Set("site", "handed-in", time.Time{}); err != nil {
			t.Fatal(err)
		}
		w.wantsAnother(t, stamp, "handed-in")
	})
}

func TestAnotherEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("mp", time.Hour, 10*time.Second)}})
		stamp := w.wants(t, "site", "mp-1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Another(ctx, "site", stamp, "dp", http.Header{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Another of a caller who left = %v, want its deadline", err)
		}
		began := time.Now()
		if err := w.Close(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("Close under a search = %v after %v", err, time.Since(began))
		}
		w.wantsAnother(t, stamp, "")
		if _, err := w.Another(t.Context(), "new", 7, "dp", http.Header{}); err == nil {
			t.Error("Another after Close gave a token")
		}
	})
}
