package tokenbroker

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailureAheadOfExpiryIsNoOutageAfterIt: the pause after it ends when somebody waits for a token.
func TestFailureAheadOfExpiryIsNoOutageAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 0)
		good := src.answer
		src.answer = func(ctx context.Context, a string, call int) (Token, error) {
			if call == 2 {
				return Token{}, Failure("the server is down")
			}
			return good(ctx, a, call)
		}
		w := newWorld(t, Config{Sources: []Source{src}, RefreshBefore: 10 * time.Minute})
		w.wants(t, "site", "mp-1")
		elapse(time.Hour - 5*time.Second)
		w.wants(t, "site", "mp-1") // the fetch behind it fails
		elapse(5 * time.Second)
		w.wants(t, "site", "mp-3")
	})
}

// TestTokenRefusedWhileItLands: the spare was refused, and the fetch for the token in use brings it too.
func TestTokenRefusedWhileItLands(t *testing.T) {
	w := newWorld(t, Config{})
	tok, err := NewToken("spare", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	a, f := w.entry("site"), &flight{done: make(chan struct{})}
	a.flight = f
	a.refused.add(tok, time.Now())
	w.land(a, f, tok, "mp", nil)
	h := http.Header{}
	if stamp, err := w.Authorize(t.Context(), "site", h); !errors.Is(err, ErrUnavailable) || stamp != 0 || len(h) != 0 {
		t.Errorf("Authorize = %d, %v, header %v; want ErrUnavailable", stamp, err, h)
	}
}
