package cache

import (
	"maps"
	"slices"
	"time"
)

// State says whether the cache can store.
type State string

const (
	// StateOK means that bytes are stored.
	StateOK State = "ok"
	// StateFull means that no room can be made: what is there is open, pinned or protected, or the disk is down to its floor.
	StateFull State = "full"
	// StateFailing means that the disk refuses reads or writes. It is tried again every few seconds.
	StateFailing State = "failing"
)

// Status is how the cache is doing.
type Status struct {
	State State `json:"state"`
	// Reason says why State is not StateOK: the disk's error when it is StateFailing.
	Reason string `json:"reason,omitempty"`
	// Since is when State became what it is, zero while it is StateOK.
	Since time.Time `json:"since,omitzero"`
	// Bytes is what is taken of MaxBytes, 4 KiB an object included.
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
	// FreeBytes is what the disk has left, -1 when it does not say.
	FreeBytes int64 `json:"free_bytes"`
	// Objects counts generations. It grows until Counted.
	Objects int `json:"objects"`
	// Counted says that everything on disk has been found; until then nothing is removed for the budget.
	Counted bool `json:"counted"`
}

// Status returns how the cache is doing.
func (c *Cache) Status() Status {
	s := Status{State: StateOK, MaxBytes: c.limits.Load().maxBytes, FreeBytes: -1, Counted: c.index.loaded.Load()}
	if free, err := c.disk.Free(); err == nil {
		s.FreeBytes = free
	}
	x := &c.index
	x.mu.Lock()
	s.Bytes = x.probation.bytes + x.protected.bytes
	s.Objects = x.probation.list.Len() + x.protected.list.Len()
	x.mu.Unlock()
	if since := c.space.fullSince(); !since.IsZero() {
		s.State, s.Since, s.Reason = StateFull, since, errFull.Error()
	}
	if since, err := c.health.state(); err != nil {
		s.State, s.Since, s.Reason = StateFailing, since, err.Error()
	}
	return s
}

// Object is one generation of one object, as an administrator sees it.
type Object struct {
	Name         string    `json:"name"`
	Size         int64     `json:"size"`
	Stored       int64     `json:"stored"`
	LastModified time.Time `json:"last_modified,omitzero"`
	Created      time.Time `json:"created"`
	Used         time.Time `json:"used"`
	// Protected says that it was used again after its first use, so that a single pass over large content cannot push it
	// out.
	Protected bool `json:"protected"`
	Pinned    bool `json:"pinned"`
	// Open says that somebody reads or fills it now.
	Open bool `json:"open"`
}

// Names returns the names of all objects, in no order. Just after the start it waits until all are known: who removes or
// pins what they name means all of it.
func (c *Cache) Names() []string {
	c.loadFolders()
	x := &c.index
	x.mu.Lock()
	n := len(x.objects)
	x.mu.Unlock()
	names := make([]string, 0, n+n/8) // so that no request waits for memory
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.AppendSeq(names, maps.Keys(x.objects))
}

// Generations returns every generation of an object, the newest last; none when there is no such object.
func (c *Cache) Generations(name string) []Object {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.objects[name]
	if o == nil {
		return nil
	}
	all := make([]Object, 0, len(o.generations))
	for _, e := range o.generations {
		all = append(all, Object{
			Name: e.key.Name, Size: e.info.Size, Stored: e.stored, LastModified: e.info.LastModified,
			Created: e.created, Used: e.used, Protected: e.hot, Pinned: x.pinned[name], Open: e.refs > 0,
		})
	}
	return all
}

// Pin keeps every generation of an object, those to come as well, from being removed for room, or no longer does. It returns
// false when there is no such object.
func (c *Cache) Pin(name string, pinned bool) bool {
	return c.each(name, func(e *entry) {
		c.index.pin(name, pinned)
		c.index.markDirty(e)
	})
}

// Remove forgets every generation of an object, and that it was pinned. Who reads it now goes on. It returns false when there
// is no such object.
func (c *Cache) Remove(name string) bool {
	return c.each(name, func(e *entry) {
		c.index.pin(name, false)
		c.retire(e)
	})
}

// pin: x.mu is held.
func (x *index) pin(name string, pinned bool) {
	if pinned {
		x.pinned[name] = true
	} else {
		delete(x.pinned, name)
	}
}

func (c *Cache) each(name string, do func(*entry)) bool {
	c.load(folderOf(name))
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	o := c.index.objects[name]
	if o == nil {
		return false
	}
	for _, e := range slices.Clone(o.generations) {
		do(e)
	}
	return true
}
