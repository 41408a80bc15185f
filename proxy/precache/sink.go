package precache

import (
	"context"
	"errors"
)

// sink takes the bytes that are only read so that the cache has them, and keeps the books.
type sink struct {
	ctx   context.Context
	job   *job
	file  *file
	tally *tally
	off   int64 // of the next byte
	first int   // the first slice that was read and is not known to be kept
}

const (
	// lookAhead is how many slices ahead of the reader it is looked for what others, or other windows, have brought.
	lookAhead = 64
	// maxLost is how many slices may be read that are not kept. Then the cache keeps nothing, and to read on would bring
	// nothing but traffic.
	maxLost = 16
)

// errNotStored says that bytes came and the cache did not keep them.
var errNotStored = errors.New("the cache does not keep it")

// Write counts p.
func (s *sink) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	at := int(s.off / step)
	s.off += int64(len(p))
	s.tally.lookAt(at, at+lookAhead)
	for s.first < at && s.tally.have[s.first] {
		s.first++
	}
	if at-s.first > maxLost {
		return 0, errNotStored
	}
	s.count()
	return len(p), nil
}

// count tells how much of the file is there: the slices that are whole, and the beginning of the one that is being read.
func (s *sink) count() {
	stored := s.tally.stored
	if last := int((s.off - 1) / step); s.off > 0 && !s.tally.have[last] {
		from, _ := s.tally.span(last)
		stored += s.off - from
	}
	before := s.file.stored.Swap(stored)
	s.job.brought(max(stored-before, 0))
}
