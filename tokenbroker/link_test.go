package tokenbroker

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestASourceThatDoesNotComeBack: a file on a dead share takes one fetch's time from everybody, once.
func TestASourceThatDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		share := &fake{name: "file", answer: func(context.Context, string, int) (Token, error) {
			<-back // whatever becomes of its context
			return NewToken("good", time.Time{})
		}}
		w := newWorld(t, Config{Sources: []Source{share}})
		fails := func(audience, want string, after time.Duration) {
			t.Helper()
			began := time.Now()
			_, err := w.Authorize(t.Context(), audience, http.Header{})
			want = "token for " + audience + ": token source file: " + want
			if err == nil || err.Error() != want || time.Since(began) != after {
				t.Errorf("Authorize after %v = %v; want %q after %v", time.Since(began), err, want, after)
			}
		}
		fails("site", "took too long", sourceTimeout)
		fails("other", "has not come back from an earlier question", 0)
		elapse(failurePause)
		fails("site", "has not come back from an earlier question", 0)
		if n := share.count(); n != 1 {
			t.Errorf("the source was asked %d times while it hung, want once", n)
		}
		close(back)
		elapse(failurePause)
		w.wants(t, "site", "good")
	})
}

// TestCloseDoesNotWaitForEver: a source that does not come back is left behind.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		w := newWorld(t, Config{Sources: []Source{&fake{name: "file", answer: func(context.Context, string, int) (Token, error) {
			<-back
			return Token{}, ErrUnavailable
		}}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.AfterFunc(time.Millisecond, func() {
			if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close = %v, want its deadline", err)
			}
		})
		began := time.Now()
		w.wants(t, "site", "")
		if d := time.Since(began); d != time.Millisecond {
			t.Errorf("a caller waited %v for a broker that was closed", d)
		}
		<-ctx.Done()
		close(back)
	})
}
