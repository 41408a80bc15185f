package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

func newTestHealth() *health {
	return newHealth(Config{
		FailuresToOpen: 3, CoolDown: 10 * time.Second, CoolDownMax: 35 * time.Second, HeaderTimeout: time.Second, StallTimeout: time.Second,
	})
}

// pass lets time pass, in a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }

// fail begins a request, lets a second pass, and lets it fail.
func (h *health) fail() {
	began := time.Now()
	pass(time.Second)
	h.failed(began, "it broke")
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHealth()
		check := func(when string, wantRank rank, wantState state) {
			t.Helper()
			if r, s := h.rank(), h.state(); r != wantRank || s != wantState {
				t.Errorf("%s: rank %d, state %v; want %d, %v", when, r, s, wantRank, wantState)
			}
		}
		check("new", ready, closed)
		h.fail()
		check("after a failure", suspect, closed)
		pass(10 * time.Second)
		check("after its cool-down", ready, closed)
		h.fail()
		h.fail()
		check("after three failures", tripped, open)
		h.fail()
		pass(9 * time.Second)
		check("a failure while open does not prolong it, but it is over", ready, halfOpen)
		check("while the probe is under way", tripped, halfOpen)
		h.fail()
		check("the probe failed", tripped, open)
		pass(19 * time.Second)
		check("the cool-down has doubled", tripped, open)
		pass(time.Second)
		check("and is over", ready, halfOpen)
		h.fail()
		pass(34 * time.Second)
		check("the cool-down has its maximum", tripped, open)
		pass(time.Second)
		check("which is over", ready, halfOpen)
		h.delivered()
		check("the probe delivered", ready, closed)
		h.fail()
		check("all was forgiven", suspect, closed)
	})
}

func TestOneEventCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHealth()
		began := time.Now()
		pass(time.Second)
		for range 10 {
			h.failed(began, "the host died under ten requests")
		}
		if s := h.state(); s != closed || h.failures != 1 {
			t.Errorf("state %v after %d failures; want closed after 1", s, h.failures)
		}
	})
}

// A DP that answers HEAD and breaks each body must not come back for good by its HEADs.
func TestAnswersWithoutBodyForgiveLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHealth()
		for range 3 {
			h.fail()
			h.answered()
		}
		if h.state() != open {
			t.Fatalf("state %v, want open", h.state())
		}
		pass(10 * time.Second)
		h.answered()
		if h.state() != closed {
			t.Fatalf("state %v after an answer to the probe, want closed", h.state())
		}
		h.fail()
		if h.state() != open || h.wait() != 20*time.Second {
			t.Errorf("state %v, cool-down %v; want open for 20s", h.state(), h.wait())
		}
	})
}

func TestOldFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHealth()
		for range 5 {
			h.fail()
			h.answered()
			pass(time.Minute)
		}
		if h.state() != closed {
			t.Errorf("a failure a minute opened the breaker")
		}
	})
}

func TestProbeThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHealth()
		for range 3 {
			h.fail()
		}
		pass(10 * time.Second)
		if h.rank() != ready || h.rank() != tripped {
			t.Fatal("want one probe at a time")
		}
		h.forget()
		if h.rank() != ready {
			t.Error("a probe that was given up still blocks")
		}
		pass(3 * time.Second)
		if h.rank() != ready {
			t.Error("a probe that never ended still blocks")
		}
	})
}

func TestWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*location
		for range 4 {
			all = append(all, &location{health: newTestHealth()})
		}
		for range 3 {
			all[0].health.fail() // open
		}
		all[1].health.fail() // failed a moment ago
		w := walk{left: append([]*location(nil), all...)}
		for i, want := range []*location{all[2], all[3], all[1], all[0], nil} {
			if got := w.next(); got != want {
				t.Errorf("turn %d: not the expected location", i)
			}
		}
		w = walk{left: append([]*location(nil), all...), firm: all[1]}
		if w.next() != all[1] {
			t.Error("the firm one lost its turn by one failure")
		}
		w = walk{left: append([]*location(nil), all...), firm: all[0]}
		if w.next() != all[2] {
			t.Error("the firm one has its turn with its breaker open")
		}
		pass(time.Hour)
		w = walk{left: append([]*location(nil), all...)}
		if w.next() != all[0] {
			t.Error("after its cool-down the named location is not probed first")
		}
		w = walk{left: append([]*location(nil), all...)}
		if w.next() != all[1] {
			t.Error("while it is probed another request does not go on to the next location")
		}
	})
}
