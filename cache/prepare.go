package cache

import (
	"errors"
	"time"
)

// limits are what of a Config may be replaced while the cache is used. They are never changed themselves.
type limits struct {
	maxBytes, minFreeBytes int64
	checkAfter             time.Duration
	parallelWindows        int
	windowBytes            int64
}

// limits checks what of a Config may be replaced, and fills in the defaults.
func (config *Config) limits() (*limits, error) {
	if config.MaxBytes < 0 || config.MinFreeBytes < 0 || config.CheckAfter < 0 || config.ParallelWindows < 0 || config.WindowBytes < 0 {
		return nil, errors.New("cache: a limit is negative")
	}
	l := &limits{config.MaxBytes, config.MinFreeBytes, config.CheckAfter, config.ParallelWindows, config.WindowBytes}
	setDefault(&l.maxBytes, 50<<30)
	setDefault(&l.checkAfter, time.Minute)
	setDefault(&l.parallelWindows, 4)
	setDefault(&l.windowBytes, 4<<20)
	return l, nil
}

// Prepare checks new limits, and returns what puts them into force. Of config it takes MaxBytes, MinFreeBytes, CheckAfter,
// ParallelWindows and WindowBytes; everything else stays as New was told. Fills that run go on as they began. What is too much
// for a smaller budget is removed in the background, but for what is pinned or in use.
func (c *Cache) Prepare(config Config) (commit func(), err error) {
	next, err := config.limits()
	if err != nil {
		return nil, err
	}
	return func() { c.commit(next) }, nil
}

func (c *Cache) commit(next *limits) {
	if old := c.limits.Swap(next); next.maxBytes >= old.maxBytes {
		return
	}
	c.scrubs.RLock() // Close waits, and after that there is nothing to do
	defer c.scrubs.RUnlock()
	if c.ctx.Err() == nil {
		c.work.Go(c.shrink)
	}
}
