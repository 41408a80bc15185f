package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// blob is an open entry: the file and what is in it.
type blob struct {
	c *Cache
	e *entry
	n int // slices

	// whole says that every slice is present and checked: readers need no lock.
	whole atomic.Bool

	mu sync.Mutex
	// file is nil until the first slice is to be stored, so that an object that is only asked about costs no file.
	file    file
	present bits
	checked bits // present, and its checksum was right in this process
	good    int  // how many are checked
	sums    []byte
	owner   map[int]*fill
	running int // fills
	readers int
	trail   trail
	// sequential says that upstream gives the object only from its start on.
	sequential bool
	changed    chan struct{} // closed at the next change, nil while nobody waits
	gone       error         // why no more slices will come: ErrChanged or ErrMissing
	unrecorded int           // changes that the record does not have yet

	verifying sync.Mutex // one reader checks, the others then find it checked
}

// open returns the entry's blob. It may fail only with a storage error; unless that is only busy, the entry is retired.
func (c *Cache) open(e *entry) (*blob, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.blob != nil {
		return e.blob, nil
	}
	b := newBlob(c, e)
	if err := b.load(); err != nil {
		if !busy(err) {
			c.giveUp(e)
		}
		return nil, err
	}
	e.blob = b
	return b, nil
}

func newBlob(c *Cache, e *entry) *blob {
	n := sliceCount(e.info.Size)
	b := &blob{c: c, e: e, n: n, present: newBits(n), checked: newBits(n), sums: make([]byte, 4*n), owner: map[int]*fill{}}
	b.whole.Store(n == 0)
	return b
}

// load takes over what the record claims. An entry that stores nothing has no record to load.
func (b *blob) load() error {
	if !b.e.recorded {
		return nil
	}
	data, _, err := b.c.disk.ReadFile(b.e.recordName())
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	r, err := decodeRecord(data)
	if err == nil && (string(r.Name) != b.e.key.Name || !b.e.is(r.info())) {
		err = errors.New("record: it is another object's")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	f, err := b.c.disk.Open(b.e.dataName())
	if errors.Is(err, fs.ErrNotExist) && r.stored() == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	if size, err := f.Size(); err != nil || size != r.Size {
		f.Close()
		return fmt.Errorf("%w: %s is %d bytes, not %d", errStorage, b.e.dataName(), size, r.Size)
	}
	b.file, b.present, b.sums = f, r.Present, r.Sums
	return nil
}

// ensureFile makes the data file before the first slice is stored.
func (b *blob) ensureFile() error {
	b.e.mu.Lock()
	defer b.e.mu.Unlock()
	b.mu.Lock()
	have := b.file != nil
	b.mu.Unlock()
	if have {
		return nil
	}
	f, err := b.c.disk.Create(b.e.dataName(), b.e.info.Size)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	b.mu.Lock()
	b.file = f
	b.mu.Unlock()
	return nil
}

// wake lets every waiting reader look again. b.mu is held.
func (b *blob) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// wait returns what is closed at the next change. b.mu is held.
func (b *blob) wait() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// finish marks a slice whole. b.mu is held.
func (b *blob) finish(slice int, sum uint32) {
	b.present.set(slice)
	binary.BigEndian.PutUint32(b.sums[4*slice:], sum)
	b.unrecorded++
	b.vouch(slice)
}

// vouch marks a present slice as right. b.mu is held.
func (b *blob) vouch(slice int) {
	if b.checked.has(slice) {
		return
	}
	b.checked.set(slice)
	b.good++
	b.whole.Store(b.good == b.n)
}

// drop forgets a slice that turned out to be bad, so that it is filled again.
func (b *blob) drop(slice int) {
	b.mu.Lock()
	had := b.present.has(slice)
	if had {
		b.present.clear(slice)
		if b.checked.has(slice) {
			b.checked.clear(slice)
			b.good--
		}
		b.unrecorded++
		b.whole.Store(false)
		b.wake()
	}
	b.mu.Unlock()
	if had {
		from, to := sliceSpan(slice, b.e.info.Size)
		b.c.uncharge(b.e, to-from)
		b.c.markDirty(b.e)
	}
}

// supersede ends the blob: upstream has another object now, or none. Nobody hears of it before it can no longer be found, or
// who asks again at once would find it.
func (b *blob) supersede(err error) {
	b.unfind()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone == nil {
		b.gone = err
	}
	b.wake()
}

func (b *blob) unfind() {
	x := &b.c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if !b.e.gone {
		x.expireGroup(b.e.key, time.Now(), b.c.limits.Load().checkAfter)
	}
	b.c.retire(b.e)
}

// distrust ends the blob after a sync failed: the kernel may have thrown the written pages away, and a second sync would
// not say so. Its fills end, since what they wrote may be gone as well, and its readers are served past the disk.
func (b *blob) distrust(err error) {
	b.mu.Lock()
	b.present, b.checked, b.good = newBits(b.n), newBits(b.n), 0
	clear(b.owner)
	b.whole.Store(false)
	b.gone = fmt.Errorf("%w: %w", errStorage, err)
	b.wake()
	b.mu.Unlock()
	b.c.giveUp(b.e)
}

// lost returns why no byte of the file is to be believed, nil when that is not so. b.mu is held.
func (b *blob) lost() error {
	if errors.Is(b.gone, errStorage) {
		return b.gone
	}
	return nil
}

// giveUp retires an entry whose bytes on disk are not to be used.
func (c *Cache) giveUp(e *entry) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	c.retire(e)
}

// close closes the file, and removes it when no record claims it: its bytes could not be found again. e.mu is held, and
// nobody has a reference.
func (b *blob) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		return
	}
	if err := b.file.Close(); err != nil {
		b.c.log.Warn("closing a file of the cache", "file", b.e.dataName(), "error", err)
	}
	b.file = nil
	if b.e.recorded {
		return
	}
	if err := b.c.disk.Remove(b.e.dataName()); err != nil {
		b.c.log.Warn("removing a file of the cache", "file", b.e.dataName(), "error", err)
	}
}

// closeIdle closes the file of an entry that has not been used for long, unless somebody has come back for it.
func (c *Cache) closeIdle(e *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.index.mu.Lock()
	b := e.blob
	busy := b == nil || e.refs > 0 || e.gone
	if !busy {
		e.blob = nil
	}
	c.index.mu.Unlock()
	if busy {
		return
	}
	b.close()
}
