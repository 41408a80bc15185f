package cache

import (
	"errors"
	"sync"
	"time"
)

// errStorage marks whatever keeps bytes from being stored or read back: the reader is then served from its Source.
var errStorage = errors.New("the cache cannot store")

// health remembers whether the disk takes and gives bytes. While it does not, nothing is stored, and mendLoop tries.
type health struct {
	mu    sync.Mutex
	err   error
	since time.Time
}

// failed notes a disk error.
func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.since = time.Now()
	}
	h.err = err
}

// worked notes that the disk does again all that is asked of it.
func (h *health) worked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = nil
}

// good tells whether storing may be attempted now.
func (h *health) good() bool {
	_, err := h.state()
	return err == nil
}

func (h *health) state() (since time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since, h.err
}
