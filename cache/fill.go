package cache

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// fill writes one window of an object to disk. It owns the slices of its window until they are whole, or it ends.
// It lives as long as the cache, not as long as the reader that started it.
type fill struct {
	b     *blob
	src   Source
	first int // the slice that it begins with

	// Guarded by b.mu.
	next, end int   // slices: the one being written, the first beyond the window
	off       int64 // bytes of slice next below off can be read
	err       error // why it ended early

	reserved int64         // taken of the budget and not yet filled; only the fill's goroutine uses it
	stream   io.ReadCloser // nil until upstream answered
}

// claim makes a fill for w and gives it the slices. b.mu is held, unless nobody else knows b yet; the caller launches the fill
// after unlocking.
func (b *blob) claim(w window, src Source) *fill {
	f := &fill{b: b, src: src, first: w.first, next: w.first, end: w.end, off: int64(w.first) * sliceBytes}
	for i := w.first; i < w.end; i++ {
		if !b.present.has(i) && b.owner[i] == nil {
			b.owner[i] = f
		}
	}
	b.running++
	return f
}

// launch runs fills. The caller holds a reference of the entry and keeps it; each fill takes one of its own.
func (b *blob) launch(fills []*fill) {
	for _, f := range fills {
		b.c.index.mu.Lock()
		b.c.index.hold(b.e)
		b.c.index.mu.Unlock()
		b.c.work.Go(f.run)
	}
}

func (f *fill) run() {
	b := f.b
	err := b.c.guarded(f.fill)
	b.c.unreserve(b.e, f.reserved)
	if errors.Is(err, ErrChanged) || errors.Is(err, ErrMissing) {
		b.supersede(err)
	}
	b.mu.Lock()
	for i, owner := range b.owner {
		if owner == f {
			delete(b.owner, i)
		}
	}
	b.running--
	if errors.Is(err, ErrNoRange) && f.first > 0 {
		b.sequential, err = true, nil // the waiting readers ask again, for the whole this time
	}
	f.err = err
	b.wake()
	b.mu.Unlock()
	b.c.metrics.fill(err)
	b.c.release(b.e)
}

func (f *fill) fill() error {
	defer f.close()
	if err := f.prepare(); err != nil {
		return err
	}
	buf := f.b.c.buffers.get()
	defer f.b.c.buffers.put(buf)
	for {
		more, err := f.slice(*buf)
		if err != nil || !more {
			return err
		}
	}
}

func (f *fill) close() {
	if f.stream != nil {
		f.stream.Close()
	}
}

// prepare makes room on the disk and opens the stream.
func (f *fill) prepare() error {
	b := f.b
	if !b.c.health.good() {
		return errStorage
	}
	if err := f.reserve(f.next, f.end); err != nil {
		return err
	}
	if err := b.ensureFile(); err != nil {
		b.c.health.failed(err)
		return err
	}
	from, _ := sliceSpan(f.next, b.e.info.Size)
	_, to := sliceSpan(f.end-1, b.e.info.Size)
	if f.stream != nil {
		return nil
	}
	stream, err := b.e.stream(b.c.ctx, f.src, from, to-from)
	f.stream = stream
	return err
}

// reserve takes the space of the slices that the fill owns.
func (f *fill) reserve(first, end int) error {
	var n int64
	f.b.mu.Lock()
	for i := first; i < end; i++ {
		if f.b.owner[i] == f {
			from, to := sliceSpan(i, f.b.e.info.Size)
			n += to - from
		}
	}
	f.b.mu.Unlock()
	if n == 0 {
		return nil
	}
	if err := f.b.c.reserve(f.b.e, n); err != nil {
		return err
	}
	f.reserved += n
	return nil
}

// slice writes the next slice. It returns false when there is no more to write, because the window is whole or because a
// stream that might have gone on beyond it has properly ended.
func (f *fill) slice(buf []byte) (bool, error) {
	b := f.b
	from, to := sliceSpan(f.next, b.e.info.Size)
	b.mu.Lock()
	mine, lost := b.owner[f.next] == f, b.lost()
	f.off = from
	b.mu.Unlock()
	if lost != nil {
		return false, lost
	}
	var sum uint32
	for off := from; off < to; {
		n, err := f.stream.Read(buf[:min(int64(len(buf)), to-off)])
		if n > 0 && off == from && f.next >= f.end && f.reserve(f.next, f.next+1) != nil {
			return false, nil
		}
		if n > 0 && mine {
			if err := f.write(buf[:n], off, to); err != nil {
				return false, err
			}
			sum = crc32.Update(sum, castagnoli, buf[:n])
		}
		off += int64(n)
		switch {
		case err == io.EOF && off == from && f.next >= f.end:
			return false, nil
		case err == io.EOF && off < to:
			return false, io.ErrUnexpectedEOF
		case err != nil && err != io.EOF:
			return false, err
		}
	}
	return f.finish(sum, to-from), nil
}

// write stores bytes and lets the readers have them, the last ones of the slice only when it is finished.
func (f *fill) write(p []byte, off, to int64) error {
	if _, err := f.b.file.WriteAt(p, off); err != nil {
		f.b.c.health.failed(err)
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	f.b.c.metrics.filled.Add(float64(len(p)))
	if off += int64(len(p)); off < to {
		f.b.mu.Lock()
		f.off = off
		f.b.wake()
		f.b.mu.Unlock()
	}
	return nil
}

// finish marks the slice whole if it still is the fill's, and tells whether to write another one.
func (f *fill) finish(sum uint32, n int64) (more bool) {
	b := f.b
	b.mu.Lock()
	mine := b.owner[f.next] == f
	if mine {
		b.finish(f.next, sum)
		delete(b.owner, f.next)
		f.reserved -= n
	}
	f.next++
	more = f.next < f.end || f.goOn()
	b.wake()
	b.mu.Unlock()
	if mine {
		b.c.space.wrote(n)
		b.c.markDirty(b.e)
	}
	return more
}

// goOn claims a slice beyond the window while somebody reads and nobody else has it: a stream that gives the whole object
// whatever it was asked for is used for as long as its bytes are needed, any other one ends here by itself, before room is
// made for them. It claims before a reader is woken, who would ask for the same slice. b.mu is held.
func (f *fill) goOn() bool {
	b := f.b
	if f.next >= b.n || !b.free(f.next) || b.readers == 0 || b.gone != nil || b.c.ctx.Err() != nil {
		return false
	}
	b.owner[f.next] = f
	return true
}
