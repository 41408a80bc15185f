package cache

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// reuseAfter is how long after its last use a use by the same client counts as a re-use. One BITS job asks for one file
// hundreds of times; that is one use.
const reuseAfter = time.Hour

// errFull says that nothing more may be stored now: the budget is taken by what may not be removed, or the disk is down
// to its floor.
var errFull = fmt.Errorf("%w: no space may be taken", errStorage)

// space remembers how much the disk has left.
type space struct {
	mu      sync.Mutex
	free    int64
	at      time.Time
	granted int64 // since at
	full    time.Time
}

// segmentOf returns the segment that holds e. x.mu is held.
func (x *index) segmentOf(e *entry) *segment {
	if e.hot {
		return &x.protected
	}
	return &x.probation
}

// touch notes a use of e by client.
func (c *Cache) touch(e *entry, client string) {
	x := &c.index
	who := maphash.String(x.seed, client)
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.gone {
		return
	}
	reused := e.client != 0 && e.client != who || now.Sub(e.used) >= reuseAfter
	x.segmentOf(e).remove(e)
	e.used, e.client = now, who
	if reused && !e.hot {
		e.hot = true
		x.markDirty(e)
	}
	x.segmentOf(e).push(e)
	for x.protected.bytes > c.config.MaxBytes/5*4 {
		oldest := x.protected.list.Back().Value.(*entry)
		x.protected.remove(oldest)
		oldest.hot = false
		x.probation.push(oldest)
	}
	if now.Sub(e.stamp) >= reuseAfter && e.stored > 0 {
		e.stamp = now
		x.markDirty(e)
	}
}

// charge changes what e takes of the budget. x.mu is held.
func (x *index) charge(e *entry, n int64) {
	e.stored += n
	if !e.gone {
		x.segmentOf(e).bytes += n
	}
}

// reserve takes n bytes of the budget for e before they are filled, and removes what was least recently used to make
// room. The caller gives back what it does not fill.
func (c *Cache) reserve(e *entry, n int64) error {
	short := c.space.short(c, n)
	x := &c.index
	x.mu.Lock()
	over := x.probation.bytes + x.protected.bytes + n - c.config.MaxBytes
	if !x.loaded.Load() {
		over = 0 // what is stored is not counted yet; the end of the count evicts what is too much
	}
	victims, freed := x.victims(max(short, over))
	fits := freed >= max(short, over)
	if fits {
		x.charge(e, n)
	}
	x.mu.Unlock()
	c.evict(victims)
	c.space.note(fits)
	if !fits {
		return errFull
	}
	return nil
}

func (c *Cache) unreserve(e *entry, n int64) {
	c.index.mu.Lock()
	c.index.charge(e, -n)
	c.index.mu.Unlock()
}

// short returns by how many bytes the disk is too full to take n more. The figure is read again each second or after 64
// MiB. A disk that does not say how full it is has room: writing will tell.
func (s *space) short(c *Cache, n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) > time.Second || s.granted > 64<<20 {
		free, err := c.disk.Free()
		if err != nil {
			free = 1 << 62
		}
		s.free, s.at, s.granted = free, time.Now(), 0
	}
	s.granted += n
	return c.config.MinFreeBytes + s.granted - s.free
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

// victims unlinks entries that are neither open nor pinned, least recently used first, until need bytes are freed.
// x.mu is held.
func (x *index) victims(need int64) (victims []*entry, freed int64) {
	for _, s := range []*segment{&x.probation, &x.protected} {
		for at := s.list.Back(); at != nil && freed < need; {
			e := at.Value.(*entry)
			at = at.Prev()
			if e.refs > 0 || e.pinned {
				continue
			}
			freed += e.cost()
			x.unlink(e)
			victims = append(victims, e)
		}
	}
	return victims, freed
}

// evict removes the files of entries that were unlinked while nobody held them.
func (c *Cache) evict(victims []*entry) {
	for _, e := range victims {
		c.metrics.evictions.Inc()
		c.metrics.evictedBytes.Add(float64(e.stored))
		c.erase(e)
	}
	if len(victims) > 0 {
		c.space.mu.Lock()
		c.space.at = time.Time{}
		c.space.mu.Unlock()
	}
}

// erase closes and removes the files of an entry that nobody can find or holds any more: first the record, so that a
// crash in between leaves bytes that nobody claims, which the next start removes.
func (c *Cache) erase(e *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.blob != nil {
		e.blob.close()
		e.blob = nil
	}
	for _, name := range []string{e.recordName(), e.dataName()} {
		if err := c.disk.Remove(name); err != nil {
			c.log.Warn("removing a file of the cache", "file", name, "error", err)
			return
		}
	}
}
