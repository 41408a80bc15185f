package cache

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// entry is what memory knows of one generation of an object, whether or not it is open.
type entry struct {
	key     Key
	info    Info
	created time.Time
	// base is the name of its files without the ending: <folder>/<hash of the name>-<random>.
	base string

	// Owned by Cache.index, guarded by its mu.
	refs   int           // readers, fills and background work
	stored int64         // bytes on disk, what is reserved for running fills included
	used   time.Time     // last use, as eviction sees it
	stamp  time.Time     // the use that the disk remembers
	client uint64        // who used it last
	sure   time.Time     // when upstream was last asked for it, its creation when that was in another process
	hot    bool          // in the protected segment
	gone   bool          // no longer found; its files go when refs is zero
	at     *list.Element // in its segment
	idle   *list.Element // among the idle, when refs is zero

	// mu guards opening and closing; it is held across disk I/O.
	mu       sync.Mutex
	blob     *blob // nil when closed
	recorded bool  // there is a record on disk
}

// entryCost is what an object costs besides its bytes: its record, two directory entries and this struct. It keeps a
// million empty objects from being free.
const entryCost = 4096

func (e *entry) recordName() string { return e.base + ".rec" }
func (e *entry) dataName() string   { return e.base + ".dat" }

// sliceCost is what a slice costs in its object's record, whether or not it is there. A record of 700 slices is an
// ordinary one.
const sliceCost = 6

// cost is what the entry takes of the budget.
func (e *entry) cost() int64 {
	return max(entryCost, sliceCost*int64(sliceCount(e.info.Size))) + e.stored
}

// is tells whether info describes this generation: a mutable object is told apart by size and Last-Modified, an immutable
// one by its size, since origins disagree about the time of the same bytes.
func (e *entry) is(info Info) bool {
	return e.info.Size == info.Size && (!e.key.Mutable || e.info.LastModified.Equal(info.LastModified))
}

// stream asks src for n bytes of this generation from off on. That they belong to it is compared here once more: a mixture
// of two generations is the one thing that must not happen.
func (e *entry) stream(ctx context.Context, src Source, off, n int64) (io.ReadCloser, error) {
	info := e.info
	got, stream, err := src.Open(ctx, &info, off, n)
	switch {
	case err != nil:
		return nil, err
	case stream == nil:
		return nil, fmt.Errorf("%w: the origin has no bytes", ErrChanged)
	case !e.is(got):
		stream.Close()
		return nil, fmt.Errorf("%w: the origin has %d bytes", ErrChanged, got.Size)
	}
	return stream, nil
}

// segment is a list of entries, the last used first. Guarded by the index's mutex.
type segment struct {
	list  list.List
	bytes int64
}

func (s *segment) push(e *entry) {
	e.at = s.list.PushFront(e)
	s.bytes += e.cost()
}

func (s *segment) remove(e *entry) {
	s.list.Remove(e.at)
	e.at = nil
	s.bytes -= e.cost()
}

// sort orders the entries by last use. Entries that are found on disk come in any order.
func (s *segment) sort() {
	entries := make([]*entry, 0, s.list.Len())
	for at := s.list.Front(); at != nil; at = at.Next() {
		entries = append(entries, at.Value.(*entry))
	}
	slices.SortStableFunc(entries, func(a, b *entry) int { return a.used.Compare(b.used) })
	s.list.Init()
	for _, e := range entries {
		e.at = s.list.PushFront(e)
	}
}
