package cache

import (
	"errors"
	"time"
)

const (
	// scrubPause is how long the scrub rests before each slice: it reads some 20 MiB a second.
	scrubPause = 50 * time.Millisecond
	// scrubDelay is how long a new process leaves the disk to those who have work for it.
	scrubDelay = time.Hour
	// scrubbedName is the file whose time says when a pass was last finished.
	scrubbedName = "scrubbed"
)

// scrubLoop checks every slice on disk once in scrubEvery. When it did so last is remembered on disk: a machine that
// restarts every few days would otherwise never come to it, or do it each time.
func (c *Cache) scrubLoop() {
	every := c.config.scrubEvery
	if every < 0 {
		return
	}
	_, last, _ := c.disk.ReadFile(scrubbedName) // when there is none it is due
	for c.rest(min(every, max(scrubDelay, every-time.Since(last)))) {
		c.Scrub(scrubPause)
		if c.ctx.Err() != nil {
			return
		}
		last = time.Now()
		if err := errors.Join(c.disk.WriteFile(scrubbedName, nil), c.disk.Touch(scrubbedName, last)); err != nil {
			c.log.Warn("noting that the cache was compared", "error", err) // it is compared again too soon
		}
	}
}

// rest waits, and returns false when the cache closes.
func (c *Cache) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// Scrub compares every slice on disk with its checksum, resting for pause before each, and drops the bad ones, which are
// then fetched again when they are needed. It returns how many slices it compared and how many were bad. It ends early when
// the cache closes, and does nothing after that.
func (c *Cache) Scrub(pause time.Duration) (compared, bad int) {
	if !c.scrubs.TryRLock() {
		return 0, 0
	}
	defer c.scrubs.RUnlock()
	c.loadFolders() // what is not counted yet is on disk, too
	for _, e := range c.index.all() {
		if c.ctx.Err() != nil {
			break
		}
		if !c.index.holdFound(e) {
			continue
		}
		n, k := c.scrubEntry(e, pause)
		compared, bad = compared+n, bad+k
		c.release(e)
	}
	return compared, bad
}

func (c *Cache) scrubEntry(e *entry, pause time.Duration) (compared, bad int) {
	b, err := c.open(e)
	if err != nil {
		return 0, 0
	}
	for i := range b.n {
		b.mu.Lock()
		present := b.present.has(i)
		b.mu.Unlock()
		if !present {
			continue
		}
		if !c.rest(pause) {
			break
		}
		compared++
		if !b.recheck(i) {
			bad++
		}
	}
	return compared, bad
}

// recheck compares a slice again although it may have been right before.
func (b *blob) recheck(slice int) bool {
	b.mu.Lock()
	if b.checked.has(slice) {
		b.checked.clear(slice)
		b.good--
		b.whole.Store(false)
	}
	b.mu.Unlock()
	b.verify(slice)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.present.has(slice)
}
