package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// openTries bounds how often Open looks again when what it found was retired in between.
const openTries = 4

// Open finds the object that key names, or asks src what it is, and returns a Reader of it. Many callers for one unknown
// object ask once. It fails with what src answered: an error that is ErrMissing, ErrRefused, ErrUnreachable or another
// one; a failing disk is no reason to fail.
func (c *Cache) Open(ctx context.Context, key Key, src Source, use Use) (*Reader, error) {
	use = use.tidy()
	var asked, alone bool
	for range openTries {
		e, due := c.find(key)
		if due && e != nil && !key.Mutable {
			c.doubt(key, src, use)
			due = false
		}
		if due && (e == nil || !asked) {
			err := c.resolve(ctx, key, src, use, alone)
			asked, alone = err == nil, errors.Is(err, errOthersRefused)
			switch {
			case asked || alone:
				c.releaseIf(e)
				continue
			case e == nil || !errors.Is(err, ErrUnreachable):
				c.releaseIf(e)
				return nil, err
			}
			c.keep(key, e)
		}
		if r := c.reader(ctx, e, src, use); r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: %s changes too fast", ErrUnreachable, key.Name)
}

// tidy makes hints that no object can fit harmless.
func (use Use) tidy() Use {
	use.Offset = min(max(use.Offset, 0), maxSize)
	use.Length = min(max(use.Length, -1), maxSize)
	return use
}

func (c *Cache) releaseIf(e *entry) {
	if e != nil {
		c.release(e)
	}
}

// reader makes a Reader that takes over the reference of e, nil when e cannot be opened and had to be retired.
func (c *Cache) reader(ctx context.Context, e *entry, src Source, use Use) *Reader {
	b, err := c.open(e)
	if err != nil {
		c.log.Warn("opening an object", "name", e.key.Name, "error", err)
		c.release(e)
		if !busy(err) {
			return nil
		}
		c.health.failed(err)
		e = &entry{key: e.key, info: e.info, base: newBase(e.key.Name), refs: 1, gone: true}
		b = newBlob(c, e)
		e.blob, b.gone = b, err
	}
	c.touch(e, use.Client)
	b.mu.Lock()
	b.readers++
	ahead := b.trail.follows(use.Offset)
	b.mu.Unlock()
	return &Reader{ctx: ctx, b: b, src: src, ahead: ahead}
}

// flights are the questions to upstream that are under way. Who has the same question waits for the answer.
type flights struct {
	mu      sync.Mutex
	running map[string]*flight
}

type flight struct {
	src  Source
	done chan struct{}
	err  error // set before done is closed
}

// errOthersRefused says that the flight that we joined was refused, or found nothing; with our own Source we may be let in, and
// the object may be there where it looks.
var errOthersRefused = errors.New("another reader was refused")

// resolve asks src what the object is, once for everybody who asks at the same time; alone means that src is asked
// although another Source is being asked.
func (c *Cache) resolve(ctx context.Context, key Key, src Source, use Use, alone bool) error {
	f := c.join(key, src, use, alone)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-f.done:
	}
	if f.src != src && (errors.Is(f.err, ErrRefused) || errors.Is(f.err, ErrMissing)) {
		return errOthersRefused
	}
	return f.err
}

// join returns the flight that asks what the object is, and starts it when there is none.
func (c *Cache) join(key Key, src Source, use Use, alone bool) *flight {
	id := key.Name
	if key.Mutable {
		id = key.Origin + " " + key.Name
	}
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	f := c.flights.running[id]
	if f == nil || alone {
		f = &flight{src: src, done: make(chan struct{})}
		c.flights.running[id] = f
		c.work.Go(func() {
			f.err = c.guarded(func() error { return c.ask(key, src, use) })
			c.land(id, f)
		})
	}
	return f
}

// land ends a flight.
func (c *Cache) land(id string, f *flight) {
	c.flights.mu.Lock()
	if c.flights.running[id] == f {
		delete(c.flights.running, id)
	}
	c.flights.mu.Unlock()
	close(f.done)
}

// ask finds out what the object is, unless a flight that has just landed did.
func (c *Cache) ask(key Key, src Source, use Use) error {
	known, due := c.find(key)
	if known != nil {
		defer c.release(known)
	}
	if !due {
		return nil
	}
	if known != nil && !key.Mutable {
		c.keep(key, known) // whatever comes of it
	}
	most := c.firstWindow(use)
	info, stream, err := c.question(src, use, most, known != nil)
	if key.Mutable && errors.Is(err, ErrMissing) {
		c.missing(key)
	}
	if err != nil {
		return err
	}
	var first *fill
	e := c.confirm(key, info, func(e *entry) {
		if stream != nil {
			first = c.adopt(e, src, use, most, stream)
		}
	})
	defer c.release(e)
	switch {
	case first != nil:
		first.b.launch([]*fill{first})
	case stream != nil:
		stream.Close()
	}
	return nil
}

// question asks src what the object is. When it is to be read and nothing is known of it, the question is the request
// for its first window, so that a cold file costs no round trip more than a direct download. The stream is nil when there
// is none to be had. It asks for at most most bytes.
func (c *Cache) question(src Source, use Use, most int64, known bool) (info Info, stream io.ReadCloser, err error) {
	_, storageErr := c.health.state()
	ahead := use.Length != 0 && !known && storageErr == nil
	if ahead {
		from, _ := sliceSpan(sliceOf(use.Offset), maxSize)
		info, stream, err = src.Open(c.ctx, nil, from, most)
	}
	if !ahead || errors.Is(err, ErrNoRange) {
		info, err = src.Stat(c.ctx)
	}
	if err == nil && (info.Size < 0 || info.Size > maxSize) {
		if stream != nil {
			stream.Close()
		}
		return info, nil, fmt.Errorf("the origin speaks of %d bytes, which cannot be right", info.Size)
	}
	return info, stream, err
}

// firstWindow returns how many bytes to ask for when nothing is known of the object.
func (c *Cache) firstWindow(use Use) int64 {
	n := int64(sliceCount(c.limits.Load().windowBytes)) * sliceBytes
	if use.Length < 0 {
		return n
	}
	from, _ := sliceSpan(sliceOf(use.Offset), maxSize)
	return min(n, int64(sliceCount(use.Offset+use.Length-from))*sliceBytes)
}

// adopt makes the stream that answered the first question the first fill of a new object, nil when it cannot be used. The
// caller launches it. Nobody can find the object yet, so nobody has asked for the same bytes. x.mu is held.
func (c *Cache) adopt(e *entry, src Source, use Use, most int64, stream io.ReadCloser) *fill {
	b := newBlob(c, e)
	first := sliceOf(use.Offset)
	if first >= b.n {
		return nil
	}
	e.blob = b
	f := b.claim(window{first, min(b.n, first+sliceCount(most))}, src)
	f.stream = stream
	return f
}
