package upstream

import (
	"sync"
	"time"
)

// The breaker is our own and not a library's: what it must do is order locations, not refuse requests (an open one is
// still asked when nothing else is left), and its cool-down must grow.

// state is what a breaker shows.
type state uint8

const (
	closed   state = iota // asked as usual
	halfOpen              // the cool-down is over: one request at a time finds out
	open                  // asked only when nothing else is left
)

func (s state) String() string { return [...]string{"closed", "half-open", "open"}[s] }

// rank orders locations for one request.
type rank uint8

const (
	ready   rank = iota // to be asked now
	suspect             // failed a moment ago: asked after the ready ones
	tripped             // breaker open: asked last
)

// health remembers how one location did.
type health struct {
	mu                sync.Mutex // guards all below
	threshold         int
	coolDown, coolMax time.Duration
	probeGivesUpAfter time.Duration

	failures        int // in a row
	trips           int // how often in a row the breaker opened
	tripped         bool
	since           time.Time // of the present state
	failedAt        time.Time // zero: never
	retryAt         time.Time // the end of the cool-down
	probing         time.Time // when the probe under way began; zero: none
	lastError       string
	bytes, requests int64
	latency         time.Duration // moving average to the header of an answer
}

func newHealth(c Config) *health {
	h := &health{since: time.Now()}
	h.tune(c)
	return h
}

// tune makes c the measure of what comes.
func (h *health) tune(c Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.threshold, h.coolDown, h.coolMax = c.FailuresToOpen, c.CoolDown, c.CoolDownMax
	h.probeGivesUpAfter = c.HeaderTimeout + c.StallTimeout
}

// rank says when to ask the location. It is called when the location is next in line: a half-open one is then the
// caller's probe, and is tripped to others until the probe ends.
func (h *health) rank() rank {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	r := h.rankAt(now)
	if r == ready && h.tripped {
		h.probing = now
	}
	return r
}

// ailing tells whether others are to be asked before the location.
func (h *health) ailing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rankAt(time.Now()) != ready
}

// rankAt is the rank; the caller holds mu.
func (h *health) rankAt(now time.Time) rank {
	switch {
	case !h.tripped && h.failures > 0 && now.Before(h.retryAt):
		return suspect
	case !h.tripped:
		return ready
	case now.Before(h.retryAt) || (!h.probing.IsZero() && now.Sub(h.probing) < h.probeGivesUpAfter):
		return tripped
	}
	return ready
}

// began counts a request.
func (h *health) began() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
}

// headerAfter takes the time to the header of an answer.
func (h *health) headerAfter(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latency == 0 {
		h.latency = d
	}
	h.latency += (d - h.latency) / 8
}

// received counts bytes of bodies.
func (h *health) received(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bytes += int64(n)
}

// delivered says that a body arrived as promised: all is forgiven.
func (h *health) delivered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tripped {
		h.tripped, h.since = false, time.Now()
	}
	h.failures, h.trips, h.probing = 0, 0, time.Time{}
}

// answered says that there was an answer without a body. It closes the breaker, but only until the next failure: a DP that
// answers HEAD and then stalls in each body is not well.
func (h *health) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = time.Time{}
	if h.tripped && !time.Now().Before(h.retryAt) {
		h.tripped, h.since = false, time.Now()
		h.failures = h.threshold - 1
		h.retryAt = time.Time{}
	}
}

// forget ends a probe that told nothing, because its request was given up.
func (h *health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = time.Time{}
}

// failed says that a request which began at that time failed, and why, in words that hold no secret. Requests that were
// under way when another failed belong to the same event: they do not count again.
func (h *health) failed(began time.Time, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	sameEvent := !h.failedAt.IsZero() && began.Before(h.failedAt)
	if !h.failedAt.IsZero() && now.Sub(h.failedAt) > h.coolMax && !h.tripped {
		h.failures = 0
	}
	h.lastError, h.failedAt, h.probing = why, now, time.Time{}
	if sameEvent && h.failures > 0 {
		if !h.tripped {
			h.retryAt = now.Add(h.coolDown)
		}
		return
	}
	h.failures++
	if h.failures < h.threshold {
		h.retryAt = now.Add(h.coolDown)
		return
	}
	if h.tripped && now.Before(h.retryAt) {
		return // asked because nothing else was left: that is no reason to wait longer
	}
	if !h.tripped {
		h.tripped, h.since = true, now
	}
	h.trips++
	h.retryAt = now.Add(h.wait())
}

// wait is the cool-down after so many trips in a row. The caller holds mu.
func (h *health) wait() time.Duration {
	wait := h.coolDown
	for range h.trips - 1 {
		if wait >= h.coolMax/2 {
			return h.coolMax
		}
		wait *= 2
	}
	return min(wait, h.coolMax)
}

// snapshot fills in what a LocationStatus says about health.
func (h *health) snapshot(s *LocationStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.State, s.Since = h.stateNow().String(), h.since
	s.Failures, s.LastError, s.LastErrorAt = h.failures, h.lastError, h.failedAt
	s.Bytes, s.Requests, s.LatencySeconds = h.bytes, h.requests, h.latency.Seconds()
}

func (h *health) state() state {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stateNow()
}

// stateNow is the state; the caller holds mu.
func (h *health) stateNow() state {
	switch {
	case !h.tripped:
		return closed
	case time.Now().Before(h.retryAt):
		return open
	}
	return halfOpen
}
