package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokenIsReusedUntilDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 0)
		w := newWorld(t, Config{Sources: []Source{src}, RefreshBefore: 10 * time.Minute})
		first := w.wants(t, "site", "mp-1")
		elapse(49 * time.Minute)
		if again := w.wants(t, "site", "mp-1"); again != first {
			t.Errorf("stamp of the same token went from %d to %d", first, again)
		}
		if n := src.count(); n != 1 {
			t.Errorf("source was asked %d times, want 1", n)
		}
	})
}

func TestRefreshAheadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 20*time.Second)
		w := newWorld(t, Config{Sources: []Source{src}, RefreshBefore: 10 * time.Minute})
		w.wants(t, "site", "mp-1")
		elapse(55 * time.Minute)
		start := time.Now()
		for range 100 {
			w.wants(t, "site", "mp-1")
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("callers waited %v for a refresh ahead of expiry", d)
		}
		elapse(21 * time.Second)
		w.wants(t, "site", "mp-2")
		if n := src.count(); n != 2 {
			t.Errorf("source was asked %d times, want 2", n)
		}
	})
}

func TestFailedRefreshAheadKeepsTheOldTokenToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 0)
		good := src.answer
		src.answer = func(ctx context.Context, a string, call int) (Token, error) {
			if call > 1 {
				return Token{}, Failure("the server is down")
			}
			return good(ctx, a, call)
		}
		w := newWorld(t, Config{Sources: []Source{src}, RefreshBefore: 10 * time.Minute})
		w.wants(t, "site", "mp-1")
		elapse(51 * time.Minute)
		for range 530 { // to 59:50, a request a second
			w.wants(t, "site", "mp-1")
			synctest.Wait()
			elapse(time.Second)
		}
		if n := src.count(); n < 10 || n > 25 {
			t.Errorf("a failing source was asked %d times in 9 minutes, want about two a minute", n)
		}
		if got := w.Status()[0].LastError; got != "token source mp: the server is down" {
			t.Errorf("LastError = %q", got)
		}
		elapse(time.Minute)
		w.wants(t, "site", "")
	})
}

func TestExpiredTokenIsNeverUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("mp", time.Hour, 0)}})
		w.wants(t, "site", "mp-1")
		elapse(time.Hour)
		w.wants(t, "site", "mp-2")
	})
}

func TestUnknownExpiryUsesMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := always("file", "opaque", nil)
		w := newWorld(t, Config{Sources: []Source{src}, MaxAge: time.Hour, RefreshBefore: time.Minute})
		stamp := w.wants(t, "site", "opaque")
		if got, want := w.Status()[0].Expires, time.Now().Add(time.Hour); !got.Equal(want) {
			t.Errorf("Expires = %v, want %v", got, want)
		}
		elapse(2 * time.Hour)
		if again := w.wants(t, "site", "opaque"); again != stamp || src.count() != 2 {
			t.Errorf("stamp %d after %d fetches, want %d after 2: the same secret keeps its stamp", again, src.count(), stamp)
		}
	})
}

func TestManyCallersOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 5*time.Second)
		w := newWorld(t, Config{Sources: []Source{src}})
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var wg sync.WaitGroup
		wg.Go(func() { // the first caller, who starts the fetch and leaves
			if _, err := w.Authorize(impatient, "site", http.Header{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient caller got %v, want its own deadline", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { w.wants(t, "site", "mp-1") })
		}
		wg.Wait()
		if n := src.count(); n != 1 {
			t.Errorf("source was asked %d times, want 1", n)
		}
	})
}

func TestAudiencesAreSeparate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{name: "mp", answer: func(_ context.Context, audience string, _ int) (Token, error) {
			return NewToken("for-"+audience, time.Time{})
		}}
		w := newWorld(t, Config{Sources: []Source{src}})
		one := w.wants(t, "one", "for-one")
		two := w.wants(t, "two", "for-two")
		w.Refused("one", two) // a stamp of another audience
		if again := w.wants(t, "one", "for-one"); again != one || src.count() != 2 {
			t.Errorf("stamp %d after %d fetches, want %d after 2", again, src.count(), one)
		}
	})
}

func TestBurstOfRefusalsCostsOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, time.Second)
		w := newWorld(t, Config{Sources: []Source{src}})
		stamp := w.wants(t, "site", "mp-1")
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				w.Refused("site", stamp)
				w.wants(t, "site", "mp-2")
				w.Refused("site", stamp) // late news of the old token
			})
		}
		wg.Wait()
		w.wants(t, "site", "mp-2")
		if s := w.Status()[0]; src.count() != 2 || s.Refusals != 1 || s.Refreshes != 2 {
			t.Errorf("%d fetches, status %+v; want 2 fetches and 1 refusal", src.count(), s)
		}
	})
}

func TestRefusalDuringRefreshAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, time.Second)
		w := newWorld(t, Config{Sources: []Source{src}, RefreshBefore: 10 * time.Minute})
		stamp := w.wants(t, "site", "mp-1")
		elapse(55 * time.Minute)
		w.wants(t, "site", "mp-1") // starts the refresh
		w.Refused("site", stamp)
		w.wants(t, "site", "mp-2") // waits for it
		if n := src.count(); n != 2 {
			t.Errorf("source was asked %d times, want 2", n)
		}
	})
}

// TestSourceThatInsistsOnARefusedSecret: the secret stays in use, since it may be the host, and the source is asked once in a while.
func TestSourceThatInsistsOnARefusedSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := "bad"
		first := &fake{name: "file", answer: func(context.Context, string, int) (Token, error) {
			return NewToken(secret, time.Time{})
		}}
		second := always("command", "", ErrUnavailable)
		w := newWorld(t, Config{Sources: []Source{first, second}})
		for range 50 {
			w.Refused("site", w.wants(t, "site", "bad"))
		}
		if n := first.count(); n != 2 {
			t.Errorf("source was asked %d times by 50 callers, want 2", n)
		}
		elapse(spareFor)
		secret = "good"
		w.Refused("site", w.wants(t, "site", "bad"))
		w.wants(t, "site", "good")
	})
}

// TestRefusalIsForgivenAfterAWhile: a secret that another one has replaced is passed over for a time only.
func TestRefusalIsForgivenAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := lasting("command", 10*time.Second, 0)
		w := newWorld(t, Config{Sources: []Source{always("file", "first", nil), second}})
		w.Refused("site", w.wants(t, "site", "first"))
		w.wants(t, "site", "command-1")
		elapse(20 * time.Second)
		w.wants(t, "site", "command-2")
		elapse(refusalHold)
		w.wants(t, "site", "first")
	})
}

func TestRefusedWithoutAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("mp", time.Hour, 0)}})
		w.Refused("site", 1) // nobody was ever authorized
		stamp := w.wants(t, "site", "mp-1")
		w.Refused("site", 0)
		w.Refused("other", stamp)
		w.wants(t, "site", "mp-1")
	})
}

func TestAudiencesAreBounded(t *testing.T) {
	w := newWorld(t, Config{Sources: []Source{always("file", "x", nil), NewRequestSource()}})
	for i := range maxAudiences + 50 {
		name := fmt.Sprintf("host-%04d", i)
		w.Observe(name, bearer("seen"))
		w.wants(t, name, "x")
	}
	if n := len(w.Status()); n != maxAudiences {
		t.Errorf("%d audiences are kept, want %d", n, maxAudiences)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{lasting("mp", time.Hour, 20*time.Second)}})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := w.Authorize(t.Context(), "site", http.Header{}); err == nil {
				t.Error("a caller that waited during Close got a token")
			}
		})
		synctest.Wait()
		start := time.Now()
		if err := w.Close(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		wg.Wait()
		if _, err := w.Authorize(t.Context(), "new", http.Header{}); !errors.Is(err, errClosed) {
			t.Errorf("Authorize after Close = %v, want %v", err, errClosed)
		}
	})
}
