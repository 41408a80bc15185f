package cache

import (
	"fmt"
	"hash/maphash"
	"time"
)

// reuseAfter is how long after its last use a use by the same client counts as a re-use. One BITS job asks for one file
// hundreds of times; that is one use.
const reuseAfter = time.Hour

// errFull says that nothing more may be stored now: the budget is taken by what may not be removed, or the disk is down
// to its floor.
var errFull = fmt.Errorf("%w: no space may be taken", errStorage)

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
	for x.protected.bytes > c.limits.Load().maxBytes/5*4 {
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
// room. What is protected makes room only for what is protected itself. The caller gives back what it does not fill.
func (c *Cache) reserve(e *entry, n int64) error {
	short := c.space.take(c, n)
	x := &c.index
	x.mu.Lock()
	need := max(short, c.over(n))
	victims, freed := x.victims(need, e.hot)
	fits := freed >= need
	if fits {
		x.unlinkAll(victims)
		x.charge(e, n)
	}
	x.mu.Unlock()
	c.space.note(fits)
	if !fits {
		c.space.giveBack(n)
		return errFull
	}
	c.evict(victims)
	return nil
}

// unreserve gives back what was reserved and is not filled.
func (c *Cache) unreserve(e *entry, n int64) {
	c.space.giveBack(n)
	c.uncharge(e, n)
}

func (c *Cache) uncharge(e *entry, n int64) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	c.index.charge(e, -n)
}

// over returns by how many bytes the budget is too small for n more. Before everything on disk is counted it never is; the
// end of the count evicts what is too much. x.mu is held.
func (c *Cache) over(n int64) int64 {
	if !c.index.loaded.Load() {
		return 0
	}
	return c.index.probation.bytes + c.index.protected.bytes + n - c.limits.Load().maxBytes
}

// roomAgain finds out whether a full cache could take a slice now.
func (c *Cache) roomAgain() {
	if c.space.fullSince().IsZero() {
		return
	}
	short := c.space.take(c, sliceBytes)
	c.space.giveBack(sliceBytes)
	c.index.mu.Lock()
	need := max(short, c.over(sliceBytes))
	_, freed := c.index.victims(need, false)
	c.index.mu.Unlock()
	c.space.note(freed >= need)
}

// victims chooses entries that are neither open nor pinned, least recently used first, until need bytes are freed.
// x.mu is held.
func (x *index) victims(need int64, protectedToo bool) (victims []*entry, freed int64) {
	segments := []*segment{&x.probation}
	if protectedToo {
		segments = append(segments, &x.protected)
	}
	for _, s := range segments {
		for at := s.list.Back(); at != nil && freed < need; at = at.Prev() {
			if e := at.Value.(*entry); e.refs == 0 && !x.pinned[e.key.Name] {
				freed += e.cost()
				victims = append(victims, e)
			}
		}
	}
	return victims, freed
}

// shrink removes what is too much for the budget.
func (c *Cache) shrink() {
	c.index.mu.Lock()
	victims, _ := c.index.victims(c.over(0), true)
	c.index.unlinkAll(victims)
	c.index.mu.Unlock()
	c.evict(victims)
}

// unlinkAll: x.mu is held.
func (x *index) unlinkAll(victims []*entry) {
	for _, e := range victims {
		x.unlink(e)
	}
}

// evict removes the files of entries that were unlinked while nobody held them.
func (c *Cache) evict(victims []*entry) {
	for _, e := range victims {
		c.metrics.evictions.Inc()
		c.metrics.evictedBytes.Add(float64(e.stored))
		c.erase(e)
	}
	if len(victims) > 0 {
		c.space.stale()
	}
}

// erase closes and removes the files of an entry that nobody can find or holds any more: first the record, so that a
// crash in between leaves bytes that nobody claims, which the next start removes. What the disk does not let go is tried
// again later.
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
			if !busy(err) {
				c.health.failed(err)
			}
			c.index.leave(e)
			return
		}
	}
}

// leave remembers files that could not be removed.
func (x *index) leave(e *entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.leftovers = append(x.leftovers, e)
}

func (x *index) takeLeftovers() []*entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	taken := x.leftovers
	x.leftovers = nil
	return taken
}
