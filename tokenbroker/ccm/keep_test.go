package ccm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// counted gives tokens "1", "2", … of a life, after a pause, and an error while fails is set.
type counted struct {
	mu    sync.Mutex
	n     int
	life  time.Duration
	pause time.Duration
	fails error
}

func (c *counted) fetch(ctx context.Context) (Token, error) {
	c.mu.Lock()
	c.n++
	n, fails := c.n, c.fails
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-time.After(c.pause):
	}
	if fails != nil {
		return Token{}, fails
	}
	var ends time.Time
	if c.life != 0 {
		ends = time.Now().Add(c.life)
	}
	return NewToken(fmt.Sprint(n), ends)
}

func expectToken(t *testing.T, k *Kept, want string, wantErr error) {
	t.Helper()
	got, err := k.Token(t.Context())
	if got.Reveal() != want || !errors.Is(err, wantErr) {
		t.Errorf("got %q (%v), want %q (%v)", got.Reveal(), err, want, wantErr)
	}
}

func TestKeptToken(t *testing.T) {
	broken := errors.New("no line")
	synctest.Test(t, func(t *testing.T) {
		c := &counted{life: 8 * time.Hour}
		k, err := Keep(c.fetch, 0, nil)
		must(t, err)
		expectToken(t, k, "1", nil)
		time.Sleep(7*time.Hour - time.Second)
		expectToken(t, k, "1", nil)
		time.Sleep(time.Second)
		expectToken(t, k, "2", nil) // renewed with an hour left
		k.Forget(Token{})
		expectToken(t, k, "2", nil)
		k.Forget(testToken(t, "2"))
		expectToken(t, k, "3", nil)

		time.Sleep(7 * time.Hour)
		c.fails = broken
		expectToken(t, k, "3", nil) // a failed renewal costs nothing while the old one is good
		expectToken(t, k, "3", nil)
		if c.n != 4 {
			t.Errorf("%d fetches, want 4: a failure is not repeated at once", c.n)
		}
		time.Sleep(keepPause)
		expectToken(t, k, "3", nil)
		if c.n != 5 {
			t.Errorf("%d fetches, want 5: a failure is repeated after a pause", c.n)
		}
		time.Sleep(time.Hour)
		expectToken(t, k, "", broken)
		c.fails = nil
		expectToken(t, k, "7", nil)
	})
	synctest.Test(t, func(t *testing.T) {
		k, err := Keep((&counted{life: 10 * time.Second}).fetch, 0, nil)
		must(t, err)
		expectToken(t, k, "1", nil)
		time.Sleep(5*time.Second - time.Nanosecond)
		expectToken(t, k, "1", nil)
		time.Sleep(time.Nanosecond)
		expectToken(t, k, "2", nil) // a short life is renewed at its half
	})
	synctest.Test(t, func(t *testing.T) {
		k, err := Keep((&counted{}).fetch, 0, nil)
		must(t, err)
		expectToken(t, k, "1", nil)
		time.Sleep(1000 * time.Hour)
		expectToken(t, k, "1", nil) // nobody knows when it ends
	})
}

// TestEndedToken has a clock that is ahead: what comes has ended. It is not given out, and is not fetched for each message.
func TestEndedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{life: -time.Minute}
		k, err := Keep(c.fetch, 0, nil)
		must(t, err)
		for range 50 {
			expectToken(t, k, "", ErrProtocol)
		}
		if _, err := k.Token(t.Context()); !strings.Contains(err.Error(), "ended at 1999-12-31T23:59:00Z, and here it is 2000-01-01T00:00:00Z; compare the clocks") {
			t.Errorf("the error is %v", err)
		}
		if c.n != 1 {
			t.Errorf("%d fetches, want 1", c.n)
		}
		c.life = time.Hour
		time.Sleep(keepPause)
		expectToken(t, k, "2", nil)
		c.life = -time.Minute
		time.Sleep(50 * time.Minute)
		expectToken(t, k, "2", nil) // which is still good
		time.Sleep(20 * time.Minute)
		expectToken(t, k, "", ErrProtocol)
		if c.n != 4 {
			t.Errorf("%d fetches, want 4", c.n)
		}
	})
}

// TestKeptTokenIsFetchedOnce checks that all who wait share one fetch, and that it survives the one who began it.
func TestKeptTokenIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{life: time.Hour, pause: time.Second}
		k, err := Keep(c.fetch, 0, nil)
		must(t, err)
		impatient, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := k.Token(impatient); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			wg.Go(func() { expectToken(t, k, "2", nil) })
		}
		waits, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		wg.Go(func() {
			if _, err := k.Token(waits); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who could not wait got %v", err)
			}
		})
		time.Sleep(500 * time.Millisecond)
		cancel()
		wg.Wait()
		if c.n != 2 {
			t.Errorf("%d fetches, want 2: that of the one who gave up, and one for all others", c.n)
		}
	})
}

func TestFlightOutlivesPanic(t *testing.T) {
	var f flight[int]
	func() {
		defer func() { _ = recover() }()
		_, _ = f.do(t.Context(), func(context.Context) (int, error) { panic("x") })
	}()
	if n, err := f.do(t.Context(), func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("after a panic: %d, %v", n, err)
	}
}
