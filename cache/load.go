package cache

import (
	"fmt"
	"strings"
)

// loadAll reads every folder, so that the budget is known and eviction can begin. Lookups do not wait for it.
func (c *Cache) loadAll() {
	for i := range c.index.folders {
		if c.ctx.Err() != nil {
			return
		}
		c.load(i)
	}
	x := &c.index
	x.mu.Lock()
	x.probation.sort()
	x.protected.sort()
	x.loaded.Store(true)
	victims, _ := x.victims(x.probation.bytes + x.protected.bytes - c.config.MaxBytes)
	x.mu.Unlock()
	c.evict(victims)
}

// load reads the records of a folder into the index, once. What is not claimed by a good record is removed: it is left
// over from a process that ended in the middle.
func (c *Cache) load(i int) {
	c.index.folders[i].once.Do(func() {
		folder := fmt.Sprintf("blobs/%02x", i)
		names, err := c.disk.List(folder)
		if err != nil {
			c.health.failed(err)
			c.log.Warn("listing a folder of the cache", "folder", folder, "error", err)
			return
		}
		claimed := map[string]bool{}
		var found []*entry
		for _, name := range names {
			base, ok := strings.CutSuffix(name, ".rec")
			if !ok {
				continue
			}
			if e := c.loadEntry(folder + "/" + base); e != nil {
				claimed[base] = true
				found = append(found, e)
			}
		}
		c.index.insert(found)
		c.removeUnclaimed(folder, names, claimed)
	})
}

// loadEntry reads one record, nil when it is not to be used.
func (c *Cache) loadEntry(base string) *entry {
	data, used, err := c.disk.ReadFile(base + ".rec")
	if err != nil {
		c.log.Warn("reading a record", "file", base+".rec", "error", err)
		return nil
	}
	r, err := decodeRecord(data)
	if err != nil || !strings.HasPrefix(base, basePrefix(r.Name)) {
		c.log.Warn("a record is damaged, its object is given up", "file", base+".rec", "error", err)
		return nil
	}
	return &entry{
		key:  Key{Name: r.Name, Group: r.Group, Mutable: r.Mutable},
		info: r.info(), created: r.Created, base: base,
		stored: r.stored(), used: used, stamp: used, hot: r.Hot, pinned: r.Pinned, recorded: true,
	}
}

// insert puts entries that were found on disk into the index.
func (x *index) insert(found []*entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range found {
		o := x.objects[e.key.Name]
		if o == nil {
			o = &object{}
			x.objects[e.key.Name] = o
		}
		o.insert(e)
		x.segmentOf(e).push(e)
	}
}

// insert keeps the generations in the order of their creation.
func (o *object) insert(e *entry) {
	at := len(o.generations)
	for at > 0 && o.generations[at-1].created.After(e.created) {
		at--
	}
	o.generations = append(o.generations[:at], append([]*entry{e}, o.generations[at:]...)...)
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
