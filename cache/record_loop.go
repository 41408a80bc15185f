package cache

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

// recordEvery is how long records may lag behind. What is lost by a crash in between is fetched again; what is gained is
// one fsync for many slices.
const recordEvery = time.Second

// recordsAtOnce is how many objects are synced side by side. A file stays open until it is recorded, and a package may have
// ten thousand small ones; a disk that is asked for many syncs at once does them in little more than the time of one.
const recordsAtOnce = 16

// markDirty has e's record brought up to date soon.
func (c *Cache) markDirty(e *entry) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	c.index.markDirty(e)
}

// markDirty: x.mu is held.
func (x *index) markDirty(e *entry) {
	if _, already := x.dirty[e]; already || e.gone {
		return
	}
	x.dirty[e] = struct{}{}
	x.hold(e)
	x.wakeRecorder()
}

func (x *index) wakeRecorder() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// takeDirty hands over the entries to record, with their references.
func (x *index) takeDirty() map[*entry]struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	taken := x.dirty
	x.dirty = map[*entry]struct{}{}
	return taken
}

// recordLoop writes records until the cache closes.
func (c *Cache) recordLoop() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-c.ctx.Done():
			return
		case <-c.index.wake:
		}
		if c.health.good() {
			c.recordAll()
		} else {
			c.index.wakeRecorder()
		}
		pause.Reset(recordEvery)
	}
}

// recordAll writes every record that is out of date. What fails stays so, and waits for the disk to be mended.
func (c *Cache) recordAll() {
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, recordsAtOnce)
	for e := range c.index.takeDirty() {
		slots <- struct{}{}
		work.Go(func() {
			c.recordOrKeep(e)
			<-slots
		})
	}
}

// recordOrKeep gives the reference of a dirty entry back.
func (c *Cache) recordOrKeep(e *entry) {
	defer c.release(e)
	if !c.health.good() {
		c.markDirty(e)
		return
	}
	if err := c.recordEntry(e); err != nil {
		c.markDirty(e)
		c.health.failed(err)
		c.log.Warn("recording an object", "name", e.key.Name, "error", err)
	}
}

// recordEntry brings the record of e up to date: snapshot what is whole, sync it, and only then claim it.
func (c *Cache) recordEntry(e *entry) error {
	b, err := c.open(e)
	if busy(err) {
		return err
	}
	if err != nil {
		c.log.Warn("opening an object to record it", "name", e.key.Name, "error", err)
		return nil // it was given up
	}
	b.mu.Lock()
	r := e.record(bytes.Clone(b.present), bytes.Clone(b.sums))
	f, changes := b.file, b.unrecorded
	b.mu.Unlock()
	if r.Size > 0 && (f == nil || r.stored() == 0 && !e.isRecorded()) {
		return nil // nothing is stored, so there is nothing to remember
	}
	c.index.mu.Lock()
	gone, used := e.gone, e.used
	r.Pinned, r.Hot = c.index.pinned[e.key.Name], e.hot
	c.index.mu.Unlock()
	if gone {
		return nil
	}
	if changes > 0 {
		if err := f.Sync(); err != nil {
			b.distrust(err)
			return fmt.Errorf("syncing %s: %w", e.dataName(), err)
		}
	}
	if err := c.writeRecord(e, r, used); err != nil {
		return err
	}
	b.mu.Lock()
	b.unrecorded -= changes
	b.mu.Unlock()
	return nil
}

// writeRecord replaces the record. Its modification time is the last use, which is all that the disk knows of it.
func (c *Cache) writeRecord(e *entry, r *record, used time.Time) error {
	data, err := r.encode()
	if err != nil {
		c.giveUp(e) // the disk is not to blame, and another try would fail as well
		c.log.Warn("recording an object", "name", e.key.Name, "error", err)
		return nil
	}
	if err := c.disk.WriteFile(e.recordName(), data); err != nil {
		return err
	}
	e.mu.Lock()
	e.recorded = true
	e.mu.Unlock()
	c.metrics.records.Inc()
	if err := c.disk.Touch(e.recordName(), used); err != nil {
		c.log.Warn("noting the last use of an object", "name", e.key.Name, "error", err) // it only looks newer than it is
	}
	return nil
}

func (e *entry) isRecorded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.recorded
}

func (e *entry) record(present bits, sums []byte) *record {
	return &record{
		Version: recordVersion, SliceBytes: sliceBytes, Created: e.created.UTC(),
		Name: text(e.key.Name), Group: text(e.key.Group), Mutable: e.key.Mutable,
		Size: e.info.Size, LastModified: e.info.LastModified, ETag: text(e.info.ETag), ContentType: text(e.info.ContentType),
		Present: present, Sums: sums,
	}
}
