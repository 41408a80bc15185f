package tokenbroker

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestObservedTokenIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource()}})
		w.wants(t, "site", "")
		w.Observe("site", bearer("client")) // no pause after the failure: there is news
		w.wants(t, "site", "client")
		w.wants(t, "other", "")
	})
}

func TestObservedTokenAgesFromWhenItWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{NewRequestSource()}, MaxAge: time.Hour, RefreshBefore: time.Minute})
		w.Observe("site", bearer("client"))
		elapse(50 * time.Minute)
		w.Observe("site", bearer("client"))
		w.wants(t, "site", "client")
		elapse(11 * time.Minute)
		w.wants(t, "site", "")
	})
}

func TestGarbageOfAClientDoesNotDisplaceAGoodToken(t *testing.T) {
	tests := []struct {
		name    string
		sources func() []Source
		prepare func(*world)
		good    string
	}{
		{"good one of a later source", func() []Source { return []Source{NewRequestSource(), always("file", "good", nil)} },
			func(*world) {}, "good"},
		{"good one of another client", func() []Source { return []Source{NewRequestSource()} },
			func(w *world) { w.Observe("site", bearer("good")) }, "good"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Sources: tt.sources()})
				tt.prepare(w)
				w.Observe("site", bearer("garbage"))
				w.Refused("site", w.wants(t, "site", "garbage"))
				w.wants(t, "site", tt.good)
				w.Observe("site", bearer("garbage")) // the client goes on and on
				w.Observe("site", bearer("garbage2"))
				w.wants(t, "site", tt.good)
			})
		})
	}
}

func TestObserveDuringAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := lasting("slow", time.Hour, 5*time.Second)
		good := slow.answer
		slow.answer = func(ctx context.Context, a string, call int) (Token, error) {
			good(ctx, a, call)
			return Token{}, ErrUnavailable
		}
		w := newWorld(t, Config{Sources: []Source{NewRequestSource(), slow}})
		time.AfterFunc(time.Second, func() { w.Observe("site", bearer("client")) })
		w.wants(t, "site", "client")
	})
}

func TestObserveIgnores(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
	}{
		{"nothing", http.Header{}},
		{"nil header", nil},
		{"another scheme", http.Header{"Authorization": {"Negotiate abc"}}},
		{"two tokens", http.Header{"Authorization": {"Bearer a", "Bearer b"}}},
		{"an expired one", bearer(fakeJWT(t, `{"exp":1}`))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Config{Sources: []Source{NewRequestSource()}})
			w.Observe("site", tt.header)
			w.wants(t, "site", "")
		})
	}
	t.Run("no observer", func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("file", "good", nil)}})
		w.Observe("site", bearer("client"))
		w.wants(t, "site", "good")
	})
}

func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{newTaskSequence(t), always("file", "file", nil)}})
		w.wants(t, "site", "file")
		if err := w.Set("site", "ts", time.Time{}); err != nil {
			t.Fatalf("Set: %v", err)
		}
		stamp := w.wants(t, "site", "ts")
		w.Refused("site", stamp)
		w.wants(t, "site", "file")
		if err := w.Set("site", "ts", time.Now().Add(time.Minute)); err != nil {
			t.Fatalf("Set of a secret that was refused: %v", err)
		}
		w.wants(t, "site", "ts")
		elapse(time.Minute)
		w.wants(t, "site", "file")
	})
}

func TestSetKeepsTheOldTokenWhenTheChainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := lasting("mp", time.Hour, 0)
		good := src.answer
		src.answer = func(ctx context.Context, a string, call int) (Token, error) {
			if call > 1 {
				return Token{}, Failure("down")
			}
			return good(ctx, a, call)
		}
		w := newWorld(t, Config{Sources: []Source{src, newTaskSequence(t)}})
		w.wants(t, "site", "mp-1")
		if err := w.Set("site", "ts", time.Time{}); err != nil {
			t.Fatalf("Set: %v", err)
		}
		w.wants(t, "site", "mp-1")
	})
}

func TestSetRefuses(t *testing.T) {
	with := newWorld(t, Config{Sources: []Source{newTaskSequence(t)}})
	without := newWorld(t, Config{Sources: []Source{NewRequestSource()}})
	tests := []struct {
		name    string
		world   *world
		secret  string
		expires time.Time
		want    string
	}{
		{"nobody to take it", without, "x", time.Time{}, errNoSetter.Error()},
		{"empty", with, "", time.Time{}, "set a token for site: token is empty"},
		{"newline", with, "a\nb", time.Time{}, "set a token for site: token holds a control character"},
		{"expired", with, "x", time.Unix(1, 0).UTC(), "set a token for site: it expired at 1970-01-01T00:00:01Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.world.Set("site", tt.secret, tt.expires); err == nil || err.Error() != tt.want {
				t.Errorf("Set = %v, want %q", err, tt.want)
			}
			if _, err := tt.world.Authorize(t.Context(), "site", http.Header{}); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Authorize after a refused Set = %v, want ErrUnavailable", err)
			}
		})
	}
}

func newTaskSequence(t *testing.T) *TaskSequenceSource {
	t.Helper()
	s, err := NewTaskSequenceSource(TaskSequenceConfig{Name: "task-sequence", Variable: "_SMSTSDPAuthToken"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
