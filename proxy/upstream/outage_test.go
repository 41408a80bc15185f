package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(40, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 100, stall), "b": serveFile(data, 1000, nil)})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, StallTimeout: 20 * time.Second})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		began := time.Now()
		mustRead(t, s, nil, 0, 1000, data)
		if d := time.Since(began); d != 20*time.Second {
			t.Errorf("a stall cost %v, want 20s", d)
		}
		began = time.Now()
		mustRead(t, s, nil, 0, 1000, data)
		if d := time.Since(began); d != 0 {
			t.Errorf("the next request waited %v for the DP that stalled", d)
		}
		if st := p.Status()[0]; st.Failures != 1 || st.LastError != "the body stalled" {
			t.Errorf("status of the DP that stalled: %+v", st)
		}
	})
}

func TestSlowReaderIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(41, 3000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 3000, nil)})
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial})
		_, rc, err := p.Source(targetAt(t, p, "http://a:80", immutable)).Open(t.Context(), nil, 0, 3000)
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		var got []byte
		for range 3 {
			pass(time.Hour)
			part := make([]byte, 1000)
			if _, err := io.ReadFull(rc, part); err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, data) || n.dials("a") != 1 {
			t.Errorf("%d connections for a reader that took its time, want 1", n.dials("a"))
		}
	})
}

// A download that has begun waits for its only DP to come back, and then goes on where it was.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(42, 1000)
		n := newMemoryNet(nil)
		n.hosts["a:80"] = &memoryHost{handler: serveFile(data, 400, func(*http.Request) {
			n.set("a", true)
			panic(http.ErrAbortHandler)
		})}
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, GiveUpAfter: 2 * time.Minute})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		go func() {
			pass(time.Minute)
			n.set("a", false)
			pass(time.Minute)
			n.set("a", false)
		}()
		began := time.Now()
		mustRead(t, s, nil, 0, 1000, data)
		if d := time.Since(began); d < 2*time.Minute || d > 2*time.Minute+15*time.Second {
			t.Errorf("two outages of a minute cost %v", d)
		}
		if got := n.dials("a"); got > 40 {
			t.Errorf("%d dials in two minutes: the pauses do not grow", got)
		}
	})
}

func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(43, 1000)
		n := newMemoryNet(nil)
		n.hosts["a:80"] = &memoryHost{handler: serveFile(data, 400, func(*http.Request) {
			n.set("a", true)
			panic(http.ErrAbortHandler)
		})}
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, GiveUpAfter: time.Minute})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		for _, tt := range []struct {
			name     string
			want     *cache.Info
			off      int64
			got      int
			min, max time.Duration
		}{
			{"in the middle of a stream", nil, 0, 400, 45 * time.Second, time.Minute},
			{"opening at the start", infoFor(data), 0, 0, 0, 0},
			{"opening in the middle", infoFor(data), 500, 0, 45 * time.Second, time.Minute},
			{"opening what is not known", nil, 500, 0, 0, 0},
		} {
			began := time.Now()
			got, _, err := readAll(t, s, tt.want, tt.off, 1000-tt.off)
			if d := time.Since(began); len(got) != tt.got || !errors.Is(err, cache.ErrUnreachable) || d < tt.min || d > tt.max {
				t.Errorf("%s: %d bytes, %v after %v; want %d, ErrUnreachable after %v to %v", tt.name, len(got), err, d, tt.got, tt.min, tt.max)
			}
		}
	})
}

// A DP that sends a header and no byte, again and again, is no progress.
func TestEmptyAnswersAreNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(44, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 0, func(*http.Request) { panic(http.ErrAbortHandler) })})
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, GiveUpAfter: time.Minute})
		_, _, err := readAll(t, p.Source(targetAt(t, p, "http://a:80", immutable)), nil, 0, 1000)
		if !errors.Is(err, cache.ErrUnreachable) || n.dials("a") > 20 {
			t.Errorf("%v after %d connections", err, n.dials("a"))
		}
	})
}

// A DP whose connections are all in use is not blamed; the next one is asked.
func TestAllConnectionsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(45, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 100, stall), "b": serveFile(data, 1000, nil)})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, MaxConnsPerHost: 1, HeaderTimeout: 10 * time.Second})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		_, held, err := s.Open(t.Context(), nil, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		mustRead(t, s, nil, 0, 1000, data)
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("the wait for a connection took %v, want 10s", d)
		}
		if st := p.Status()[0]; st.Failures != 0 || n.dials("a") != 1 {
			t.Errorf("%d dials, status %+v", n.dials("a"), st)
		}
		held.Close()
		if _, again, err := s.Open(t.Context(), nil, 0, 1000); err != nil || n.dials("a") != 2 {
			t.Errorf("after the connection was given back: %v, %d dials, want 2", err, n.dials("a"))
		} else {
			again.Close()
		}
	})
}

// With nobody else to ask, a request waits for its turn, and a HEAD does not wait at all.
func TestWaitForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(47, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 1000, nil)})
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, MaxConnsPerHost: 1, HeaderTimeout: 10 * time.Second,
			GiveUpAfter: 2 * time.Minute})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		_, held, err := s.Open(t.Context(), nil, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(100*time.Second, func() { held.Close() })
		began := time.Now()
		if status, err := p.Ask(t.Context(), targetAt(t, p, "http://a:80", immutable)); err != nil || time.Since(began) != 0 {
			t.Errorf("Ask = %d, %v after %v; want an answer at once", status, err, time.Since(began))
		}
		mustRead(t, s, nil, 0, 1000, data)
		if d := time.Since(began); d != 100*time.Second {
			t.Errorf("the request waited %v, want 100s", d)
		}
	})
}

// Nobody waits for ever for the turn that a reader who never reads does not give back. The DP is not blamed.
func TestATurnThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(48, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 1000, nil)})
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, MaxConnsPerHost: 1, HeaderTimeout: 10 * time.Second,
			GiveUpAfter: time.Minute})
		s := p.Source(targetAt(t, p, "http://a:80", immutable))
		_, held, err := s.Open(t.Context(), nil, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		for _, want := range []*cache.Info{nil, infoFor(data)} {
			began := time.Now()
			_, _, err := s.Open(t.Context(), want, 100, 100)
			if d := time.Since(began); !errors.Is(err, cache.ErrUnreachable) || !isTimeout(err) || d != time.Minute {
				t.Errorf("known %v: %v after %v; want ErrUnreachable for want of time after a minute", want != nil, err, d)
			}
		}
		if st := p.Status()[0]; st.Failures != 0 || n.dials("a") != 1 {
			t.Errorf("%d dials, status %+v; the DP did nothing wrong", n.dials("a"), st)
		}
	})
}

func TestCloseEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(46, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 100, stall)})
		p := testPool(t, Config{Locations: lab("a"), Dial: n.dial, StallTimeout: time.Hour})
		_, rc, err := p.Source(targetAt(t, p, "http://a:80", immutable)).Open(t.Context(), nil, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		defer rc.Close()
		time.AfterFunc(time.Second, p.Close)
		began := time.Now()
		if got, err := io.ReadAll(rc); len(got) != 100 || !errors.Is(err, errClosed) || time.Since(began) != time.Second {
			t.Errorf("%d bytes, %v after %v; want 100 and errClosed after a second", len(got), err, time.Since(began))
		}
	})
}

// TestBreakingOffAgainAndAgain: a DP that sends a few bytes and breaks off has one turn, like one that sends none.
func TestBreakingOffAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(43, 5000)
		abort := func(*http.Request) { panic(http.ErrAbortHandler) }
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 10, abort), "b": serveFile(data, 10, abort)})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, FailuresToOpen: 1000, GiveUpAfter: time.Minute})
		began := time.Now()
		mustRead(t, p.Source(targetAt(t, p, "http://a:80", immutable)), nil, 0, 200, data)
		if a, b := n.dials("a"), n.dials("b"); a != 10 || b != 10 {
			t.Errorf("twenty parts of ten bytes took %d and %d requests, want ten of each DP", a, b)
		}
		if d := time.Since(began); d < 10*time.Second {
			t.Errorf("two DPs that break off were asked for %v without a pause", d)
		}
	})
}
