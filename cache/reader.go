package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Outcome says where the bytes that a Reader delivered came from.
type Outcome struct {
	// Stored bytes were there when the reader came to them, Waited bytes were being fetched, Direct bytes went past the
	// disk because it could not take them.
	Stored, Waited, Direct int64
}

// Reader reads one generation of one object. It is used by one goroutine.
type Reader struct {
	ctx     context.Context
	b       *blob
	src     Source
	off     int64
	ahead   bool // it continues a download in blocks: the next block will be wanted too
	closed  bool
	outcome Outcome
}

// Info returns what is known of the object. It does not change during the life of the Reader.
func (r *Reader) Info() Info { return r.b.e.info }

// Outcome returns where the bytes delivered so far came from.
func (r *Reader) Outcome() Outcome { return r.outcome }

// Has tells whether the bytes [off, off+n) are all there, and whether the missing ones are being fetched already. n below
// zero means to the end.
func (r *Reader) Has(off, n int64) (present, coming bool) {
	end := r.b.e.info.Size
	if off = max(off, 0); n >= 0 && n < end-off {
		end = off + n
	}
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	present = true
	for i := sliceOf(off); int64(i)*sliceBytes < end; i++ {
		if !r.b.present.has(i) {
			return false, r.b.owner[i] != nil
		}
	}
	return present, false
}

// Close gives the object back. Fills that the Reader started run to the end of their window. A second Close does nothing.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.b.mu.Lock()
	r.b.readers--
	r.b.mu.Unlock()
	r.b.c.release(r.b.e)
	return nil
}

// Seek sets the offset of the next Read.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.off
	case io.SeekEnd:
		offset += r.b.e.info.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("cache: seek to %d from %d", offset, whence)
	}
	r.off = offset
	return offset, nil
}

// Read fetches no more than it returns. WriteRange is the faster way.
func (r *Reader) Read(p []byte) (int, error) {
	n := min(int64(len(p)), r.b.e.info.Size-r.off)
	if n <= 0 {
		return 0, io.EOF
	}
	w := fixedWriter{p: p[:n]}
	_, err := r.writeRange(&w, r.off, n)
	r.off += int64(w.n)
	return w.n, err
}

// fixedWriter writes into a slice that is long enough.
type fixedWriter struct {
	p []byte
	n int
}

func (w *fixedWriter) Write(p []byte) (int, error) {
	k := copy(w.p[w.n:], p)
	w.n += k
	return k, nil
}

// errClosed is for a reader that is still waiting when the cache closes.
var errClosed = errors.New("the cache is closed")

// badReads is how many slices may turn out unreadable in one range before the disk is passed by.
const badReads = 3

// WriteRange writes the bytes [off, off+n) to w, waiting for those that are not there yet. It returns how many bytes w
// took. ErrChanged means that the rest can no longer be had; what was written is right.
func (r *Reader) WriteRange(w io.Writer, off, n int64) (written int64, err error) {
	written, err = r.writeRange(w, off, n)
	if err == nil {
		r.b.mu.Lock()
		r.b.trail.note(off + n)
		r.b.mu.Unlock()
	}
	return written, err
}

func (r *Reader) writeRange(w io.Writer, off, n int64) (written int64, err error) {
	if size := r.b.e.info.Size; off < 0 || n < 0 || off > size || n > size-off {
		return 0, fmt.Errorf("cache: range %d+%d of an object of %d bytes", off, n, size)
	}
	end := off + n
	for bad := 0; off+written < end; {
		at := off + written
		to, waited, err := r.await(at, end)
		if errors.Is(err, errStorage) || bad >= badReads {
			to, err := r.pass(w, at, end, bad >= badReads)
			written = to - off
			if err != nil {
				return written, err
			}
			continue
		}
		if err != nil {
			return written, err
		}
		n, err := r.send(w, at, to)
		written += n
		r.count(n, waited)
		if errors.Is(err, errStorage) {
			r.b.c.metrics.corrupt.Inc()
			r.b.drop(sliceOf(at + n))
			bad++
			continue
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// pass serves what the disk does not, past it: up to the next slice that is there, or to the end when what is there
// cannot be read. It returns where it stopped.
func (r *Reader) pass(w io.Writer, off, end int64, toEnd bool) (int64, error) {
	to := end
	if !toEnd {
		r.b.mu.Lock()
		for to = off; to < end && !r.b.present.has(sliceOf(to)); {
			_, to = sliceSpan(sliceOf(to), end)
		}
		r.b.mu.Unlock()
	}
	if to == off {
		return off, nil // it has come in the meantime
	}
	n, err := r.direct(w, off, to)
	return off + n, err
}

func (r *Reader) count(n int64, waited bool) {
	if waited {
		r.outcome.Waited += n
		r.b.c.metrics.waited.Add(float64(n))
		return
	}
	r.outcome.Stored += n
	r.b.c.metrics.stored.Add(float64(n))
}

// await returns up to where bytes from off on can be read now, at least one, and whether it had to wait for them.
func (r *Reader) await(off, end int64) (to int64, waited bool, err error) {
	var last *fill
	for {
		if r.b.whole.Load() {
			return end, waited, nil
		}
		s := r.look(off, end, last)
		r.b.launch(s.fills)
		switch {
		case s.to > off:
			return s.to, waited, nil
		case s.unchecked:
			r.b.verify(sliceOf(off))
			continue
		case s.err != nil:
			return off, waited, s.err
		}
		waited, last = true, s.fill
		select {
		case <-s.changed:
		case <-r.ctx.Done():
			return off, waited, context.Cause(r.ctx)
		}
	}
}

// sight is what a reader finds at an offset.
type sight struct {
	to        int64           // readable up to here
	unchecked bool            // the slice is there, and its checksum has yet to be compared
	err       error           // the bytes will not come
	fill      *fill           // who is to bring them
	changed   <-chan struct{} // closed when it is worth looking again
	fills     []*fill         // to be launched
}

// look finds out what there is at off, and claims what is missing. last is the fill that the reader has waited for.
func (r *Reader) look(off, end int64, last *fill) sight {
	b := r.b
	b.mu.Lock()
	defer b.mu.Unlock()
	slice := sliceOf(off)
	s := sight{to: b.readable(off, end), unchecked: b.present.has(slice) && !b.checked.has(slice)}
	if s.to == off && !s.unchecked {
		if s.err = r.verdict(last); s.err != nil {
			return s
		}
	}
	s.fills = b.want(off, r.horizon(end), r.src)
	s.fill, s.changed = b.owner[slice], b.wait()
	return s
}

// horizon returns up to where the reader would like bytes to be fetched.
func (r *Reader) horizon(end int64) int64 {
	if !r.ahead {
		return end
	}
	limits := r.b.c.limits.Load()
	return min(r.b.e.info.Size, end+int64(limits.parallelWindows)*limits.windowBytes)
}

// verdict returns why the bytes that the reader waits for will not come. Readers share the failure of a fill, or fifty of
// them would try a dead origin one after the other; but that one reader's Source was refused says nothing of another's.
func (r *Reader) verdict(last *fill) error {
	if last != nil && last.err != nil && (last.src == r.src || !errors.Is(last.err, ErrRefused)) {
		return last.err
	}
	if r.b.gone == nil && r.b.c.ctx.Err() != nil {
		return errClosed
	}
	return r.b.gone
}
