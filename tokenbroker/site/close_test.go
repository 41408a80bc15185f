package site

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// TestClosed checks that nobody hangs when the program ends.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: func(ctx context.Context, _ ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, silent(ctx) }}
		w := newWorld(t, Config{}, mp)
		done := make(chan error)
		go func() { _, err := w.Locate(t.Context(), pkg("PS100001"), ""); done <- err }()
		synctest.Wait()
		must(t, w.Close(t.Context()))
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who waits gets %v", err)
		}
		w.wants(t, pkg("PS100002"), "", "error", 0)
		if got := w.state("mp"); got.State != "untried" || mp.count("locate") != 1 {
			t.Errorf("the end of the program is held against the way: %+v, %d questions", got, mp.count("locate"))
		}
	})
}

// TestCloseDoesNotWaitForEver checks a client that does not come back.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		mp := &fake{locate: func(context.Context, ccm.Content) (ccm.Locations, error) { <-hold; return ccm.Locations{}, nil }}
		w := newWorld(t, Config{}, mp)
		go func() { _, _ = w.Locate(t.Context(), pkg("PS100001"), "") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed with %v", err)
		}
		close(hold)
	})
}
