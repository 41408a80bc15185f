package cache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// folder is one of the 256 folders that share out the objects by the first byte of their name's hash.
type folder struct {
	mu     sync.Mutex // held while the folder is read
	failed bool       // the first try did not succeed
	done   atomic.Bool
}

// loadAll reads every folder, so that the budget is known and eviction can begin. Lookups do not wait for it.
func (c *Cache) loadAll() {
	c.loadFolders()
	if c.ctx.Err() != nil {
		return
	}
	x := &c.index
	x.mu.Lock()
	x.probation.sort()
	x.protected.sort()
	x.loaded.Store(true)
	x.mu.Unlock()
	c.shrink()
}

// loadFolders reads every folder that is not read yet. It stops when the cache closes.
func (c *Cache) loadFolders() {
	for i := range c.index.folders {
		if c.ctx.Err() != nil {
			return
		}
		c.load(i)
	}
}

// load reads the records of a folder into the index, once. A folder that cannot be read is tried again when the disk works
// again; what is in it is unknown until then.
func (c *Cache) load(i int) {
	f := &c.index.folders[i]
	if f.done.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done.Load() || f.failed && !c.health.good() {
		return
	}
	folder := fmt.Sprintf("blobs/%02x", i)
	names, err := c.disk.List(folder)
	if err != nil {
		f.failed = true
		c.health.failed(err)
		c.log.Warn("listing a folder of the cache", "folder", folder, "error", err)
		return
	}
	c.loadFolder(folder, names, !f.failed)
	f.done.Store(true)
}

// loadFolder reads the records among names. What no good record claims is left over from a process that ended in the
// middle, and is removed, unless tidy is false because this process may have begun to store in the folder. A record that
// cannot be read may be good: it and its bytes are left for another start.
func (c *Cache) loadFolder(folder string, names []string, tidy bool) {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	claimed := map[string]bool{}
	var found []*entry
	for _, name := range names {
		base, ok := strings.CutSuffix(name, ".rec")
		if !ok {
			continue
		}
		e, err := c.loadEntry(folder + "/" + base)
		if err == nil && e.stored > 0 && !there[base+".dat"] {
			err = errors.New("its bytes are gone")
		}
		if err != nil {
			c.log.Warn("an object on disk is not to be used", "file", folder+"/"+name, "error", err)
		}
		claimed[base] = err == nil || errors.Is(err, errStorage)
		if err == nil {
			found = append(found, e)
		}
	}
	c.insert(found)
	if tidy {
		c.removeUnclaimed(folder, names, claimed)
	}
}

// loadEntry reads one record, and notes that its name is pinned. Only an error of the disk is an errStorage.
func (c *Cache) loadEntry(base string) (*entry, error) {
	data, used, err := c.disk.ReadFile(base + ".rec")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStorage, err)
	}
	r, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(base, basePrefix(string(r.Name))) {
		return nil, errors.New("record: it has another object's file name")
	}
	if r.Pinned {
		c.index.mu.Lock()
		c.index.pin(string(r.Name), true)
		c.index.mu.Unlock()
	}
	return &entry{
		key:  Key{Name: string(r.Name), Group: string(r.Group), Mutable: r.Mutable},
		info: r.info(), created: r.Created, sure: r.Created, base: base,
		stored: r.stored(), used: used, stamp: used, hot: r.Hot, recorded: true,
	}, nil
}

// insert puts entries that were found on disk into the index. Of two that are the same generation the older one was being
// removed when the power went: it is removed again.
func (c *Cache) insert(found []*entry) {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range found {
		o := x.objects[e.key.Name]
		if o == nil {
			o = &object{}
			x.objects[e.key.Name] = o
		}
		if slices.ContainsFunc(o.generations, func(g *entry) bool { return g.base == e.base }) {
			continue // this process made it before the folder could be read
		}
		o.insert(e)
		x.segmentOf(e).push(e)
		for i := len(o.generations) - 2; i >= 0; i-- {
			if old, newer := o.generations[i], o.generations[i+1]; !old.key.Mutable || old.is(newer.info) {
				c.retire(old)
			}
		}
	}
}

// insert keeps the generations in the order of their creation.
func (o *object) insert(e *entry) {
	at := len(o.generations)
	for at > 0 && o.generations[at-1].created.After(e.created) {
		at--
	}
	o.generations = slices.Insert(o.generations, at, e)
}

func (c *Cache) removeUnclaimed(folder string, names []string, claimed map[string]bool) {
	for _, name := range names {
		base := strings.TrimSuffix(strings.TrimSuffix(name, ".dat"), ".rec")
		if claimed[base] && !strings.HasSuffix(name, ".tmp") {
			continue
		}
		if err := c.disk.Remove(folder + "/" + name); err != nil {
			c.log.Warn("removing a leftover of the cache", "file", folder+"/"+name, "error", err)
		}
	}
}

// closeAll closes the files of everything that is open. It is the end.
func (x *index) closeAll() {
	for _, e := range x.all() {
		e.mu.Lock()
		if e.blob != nil {
			e.blob.close()
			e.blob = nil
		}
		e.mu.Unlock()
	}
}
