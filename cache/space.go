package cache

import (
	"sync"
	"time"
)

// space remembers how much the disk has left.
type space struct {
	mu      sync.Mutex
	free    int64 // what the disk said
	at      time.Time
	taken   int64     // since at, and what was pending then
	pending int64     // reserved and not yet written
	full    time.Time // since when there is no room, zero when there is
}

// take notes that n bytes are to be written, and returns by how many the disk is too full for them. The figure is read
// again each second or after 64 MiB. A disk that does not say how full it is has room: writing will tell.
func (s *space) take(c *Cache, n int64) (short int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) > time.Second || s.taken-s.pending > 64<<20 {
		free, err := c.disk.Free()
		if err != nil {
			free = 1 << 62
		}
		s.free, s.at, s.taken = free, time.Now(), s.pending
	}
	s.taken += n
	s.pending += n
	return c.limits.Load().minFreeBytes + s.taken - s.free
}

// wrote notes that n bytes that were taken are on the disk now.
func (s *space) wrote(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending -= n
}

// giveBack notes that n bytes that were taken will not be written.
func (s *space) giveBack(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending -= n
	s.taken -= n
}

// stale has the figure read again: files were removed.
func (s *space) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Time{}
}

// note remembers since when the cache has been full.
func (s *space) note(fits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fits:
		s.full = time.Time{}
	case s.full.IsZero():
		s.full = time.Now()
	}
}

// fullSince is zero when there is room.
func (s *space) fullSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}
