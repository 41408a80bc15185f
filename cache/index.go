package cache

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// index is what memory knows of every object. It is rebuilt from the records: a folder is read when a name in it is
// first asked for, all of them in the background after the start. So it is never wrong, and never saved.
type index struct {
	folders [256]folder
	loaded  atomic.Bool // all folders are read

	seed maphash.Seed

	mu      sync.Mutex
	objects map[string]*object
	// The segmented LRU: what was used once is in probation, what was used again is protected. A single pass over a large
	// image cannot push out what is used every day.
	probation, protected segment
	// pinned are the names that an administrator pinned, whether or not there is a generation now.
	pinned map[string]bool
	// due holds, for a group in which a change was seen, the time before which checks no longer count.
	due map[string]time.Time
	// idle are the entries that nobody uses, the longest idle first; their files may be open.
	idle list.List
	// dirty are the entries whose record is out of date. Each is held until it is written.
	dirty map[*entry]struct{}
	wake  chan struct{} // one token when dirty is not empty
	// leftovers are retired entries whose files could not be removed yet.
	leftovers []*entry
}

// object is all generations of one name, the newest last. An immutable one has at most one, and no checks.
type object struct {
	generations []*entry
	checks      map[string]check // by origin
}

// maxOrigins bounds how many origins an object remembers. A site has some hundred distribution points; what is forgotten
// costs a check.
const maxOrigins = 256

// check says which generation an origin had when it was last asked.
type check struct {
	entry *entry
	at    time.Time
}

func (x *index) init() {
	x.seed = maphash.MakeSeed()
	x.objects = map[string]*object{}
	x.pinned = map[string]bool{}
	x.due = map[string]time.Time{}
	x.dirty = map[*entry]struct{}{}
	x.wake = make(chan struct{}, 1)
}

// basePrefix returns what the files of every generation of name begin with. Names on disk are hashes only: nothing that a
// client wrote ever becomes part of a path.
func basePrefix(name string) string {
	hash := sha256.Sum256([]byte(name))
	return fmt.Sprintf("blobs/%02x/%s-", hash[0], hex.EncodeToString(hash[:16]))
}

// newBase returns a file name for a new generation of name. It is not derived from the generation, so that a new file
// never meets one that is still being read.
func newBase(name string) string {
	var tail [4]byte
	rand.Read(tail[:])
	return basePrefix(name) + hex.EncodeToString(tail[:])
}

func folderOf(name string) int {
	hash := sha256.Sum256([]byte(name))
	return int(hash[0])
}

// find returns the generation that origin is known to have, with a reference, and whether its check is due. It returns
// nil when upstream has to be asked what the object is. Of an immutable object there is only one, and its check is never
// waited for.
func (c *Cache) find(key Key) (e *entry, due bool) {
	c.load(folderOf(key.Name))
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.objects[key.Name]
	if o == nil || len(o.generations) == 0 {
		return nil, true
	}
	newest := o.generations[len(o.generations)-1]
	if !key.Mutable {
		x.hold(newest)
		return newest, c.doubtful(newest)
	}
	k, ok := o.checks[key.Origin]
	if !ok {
		x.hold(newest)
		return newest, true
	}
	x.hold(k.entry)
	return k.entry, time.Since(k.at) >= c.limits.Load().checkAfter || k.at.Before(x.due[key.Group])
}

// confirm notes that origin has the object that info describes, and returns that generation with a reference. One that is
// new here is given to prepare before anybody can find it; x.mu is held then.
func (c *Cache) confirm(key Key, info Info, prepare func(*entry)) *entry {
	x := &c.index
	x.mu.Lock()
	e := c.settle(key, info, prepare)
	victims, _ := x.victims(c.over(0), false)
	x.unlinkAll(victims)
	x.mu.Unlock()
	c.evict(victims)
	return e
}

// settle is confirm with x.mu held.
func (c *Cache) settle(key Key, info Info, prepare func(*entry)) *entry {
	x := &c.index
	o := x.objects[key.Name]
	if o == nil {
		o = &object{}
	}
	now := time.Now()
	for _, e := range o.generations {
		if e.is(info) {
			o.note(key, check{e, now})
			x.hold(e)
			return e
		}
	}
	if !key.Mutable {
		c.retireAll(o)
	} else if len(o.generations) > 0 {
		x.expireGroup(key, now, c.limits.Load().checkAfter)
	}
	e := &entry{key: key, info: info, created: now, used: now, base: newBase(key.Name)}
	prepare(e)
	x.objects[key.Name] = o
	o.generations = append(o.generations, e)
	o.note(key, check{e, now})
	x.probation.push(e)
	x.hold(e)
	if info.Size == 0 {
		x.markDirty(e) // nothing will be stored that has it recorded
	}
	return e
}

// note remembers a check, that of a mutable object by its origin.
func (o *object) note(key Key, k check) {
	k.entry.sure = k.at
	if !key.Mutable {
		return
	}
	if o.checks == nil || len(o.checks) >= maxOrigins {
		o.checks = map[string]check{}
	}
	o.checks[key.Origin] = k
}

// expireGroup makes every check in the key's group that is older than now count no longer. x.mu is held.
func (x *index) expireGroup(key Key, now time.Time, checkAfter time.Duration) {
	if key.Group == "" || !key.Mutable {
		return
	}
	for g, t := range x.due {
		if now.Sub(t) > checkAfter {
			delete(x.due, g) // every check from before has aged out by itself
		}
	}
	x.due[key.Group] = now
}

// keep notes that what is there has to do, although origin did not say so: it is not asked again at once.
func (c *Cache) keep(key Key, e *entry) {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.objects[key.Name]; o != nil && !e.gone {
		o.note(key, check{e, time.Now()})
	}
}

// missing notes that origin has no such object.
func (c *Cache) missing(key Key) {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.objects[key.Name]
	if o == nil {
		return
	}
	delete(o.checks, key.Origin)
	if len(o.checks) == 0 {
		c.retireAll(o)
	}
}

// hold adds a reference. x.mu is held.
func (x *index) hold(e *entry) {
	e.refs++
	if e.idle != nil {
		x.idle.Remove(e.idle)
		e.idle = nil
	}
}

// all returns every entry, without references.
func (x *index) all() []*entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []*entry
	for _, o := range x.objects {
		all = append(all, o.generations...)
	}
	return all
}

// holdFound adds a reference to an entry that may have been retired since it was found.
func (x *index) holdFound(e *entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !e.gone {
		x.hold(e)
	}
	return !e.gone
}

// release gives a reference back. The last one of a retired generation removes its files.
func (c *Cache) release(e *entry) {
	x := &c.index
	x.mu.Lock()
	e.refs--
	var surplus *entry
	erase := e.refs == 0 && e.gone
	if e.refs == 0 && !e.gone {
		e.idle = x.idle.PushBack(e)
		if x.idle.Len() > c.config.OpenFiles {
			surplus = x.idle.Remove(x.idle.Front()).(*entry)
			surplus.idle = nil
		}
	}
	x.mu.Unlock()
	if erase {
		c.erase(e)
	}
	if surplus != nil {
		c.closeIdle(surplus)
	}
}

// retire makes a generation unfindable. Those who read it go on; its files go with the last of them, at once when there
// is none. x.mu is held.
func (c *Cache) retire(e *entry) {
	if e.gone {
		return
	}
	c.index.unlink(e)
	if e.refs == 0 {
		c.work.Go(func() { c.erase(e) })
	}
}

func (c *Cache) retireAll(o *object) {
	for _, e := range slices.Clone(o.generations) {
		c.retire(e)
	}
}

// unlink takes an entry out of everything that could lead to it. x.mu is held.
func (x *index) unlink(e *entry) {
	e.gone = true
	x.segmentOf(e).remove(e)
	if e.idle != nil {
		x.idle.Remove(e.idle)
		e.idle = nil
	}
	o := x.objects[e.key.Name]
	if o == nil {
		return
	}
	o.generations = slices.DeleteFunc(o.generations, func(g *entry) bool { return g == e })
	maps.DeleteFunc(o.checks, func(_ string, k check) bool { return k.entry == e })
	if len(o.generations) == 0 {
		delete(x.objects, e.key.Name)
	}
}
