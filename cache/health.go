package cache

import (
	"errors"
	"sync"
	"time"
)

// errStorage marks whatever keeps bytes from being stored or read back: the reader is then served from its Source.
var errStorage = errors.New("the cache cannot store")

// probeEvery is how often a failing disk is tried again. Each try costs one client one upstream request.
const probeEvery = 5 * time.Second

// health remembers whether the disk takes writes.
type health struct {
	mu    sync.Mutex
	err   error
	since time.Time
	probe time.Time
}

// failed notes a disk error.
func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.err == nil {
		h.since = now
	}
	h.err, h.probe = err, now.Add(probeEvery)
}

// worked notes that the disk took something.
func (h *health) worked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = nil
}

// try tells whether a write may be attempted now: always on a good disk, once in probeEvery on a failing one.
func (h *health) try() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		return true
	}
	now := time.Now()
	if now.Before(h.probe) {
		return false
	}
	h.probe = now.Add(probeEvery)
	return true
}

func (h *health) state() (err error, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err, h.since
}
