package cache

import "time"

// scrubPause is how long the scrub rests after each slice: it reads some 20 MiB a second.
const scrubPause = 50 * time.Millisecond

// scrubLoop checks every slice on disk, again and again, with long pauses between the passes.
func (c *Cache) scrubLoop() {
	if c.config.ScrubEvery < 0 {
		return
	}
	for c.rest(c.config.ScrubEvery) {
		c.Scrub(scrubPause)
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

// Scrub compares every slice on disk with its checksum, resting for pause after each, and drops the bad ones, which are
// then fetched again when they are needed. It returns how many slices it compared and how many were bad.
func (c *Cache) Scrub(pause time.Duration) (compared, bad int) {
	c.loadFolders() // what is not counted yet is on disk, too
	for _, e := range c.index.all() {
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
