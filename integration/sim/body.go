package sim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// body sends the bytes of one response, and lets faults strike at their places.
type body struct {
	from    *origin
	w       *recorder
	r       *http.Request
	res     resource
	strikes []strike
	pos     int64 // bytes of the file sent in this response
	corrupt bool  // the next byte is to be flipped
	rate    int64 // bytes a second; 0 is no limit
}

const bodyChunk = 256 << 10

// errCut ends a response early and politely.
var errCut = errors.New("the body is cut short")

func (o *origin) newBody(w *recorder, r *http.Request, res resource, p plan) *body {
	return &body{from: o, w: w, r: r, res: res, strikes: p.strikes}
}

// sendOne sends one stretch as the whole body. Only a failure is to be seen: the connection ends.
func (b *body) sendOne(status int, s span) {
	b.w.Header().Set("Content-Length", fmt.Sprint(s.length))
	b.w.WriteHeader(status)
	if b.r.Method == http.MethodHead {
		return
	}
	b.end(b.send(s))
}

// end turns an error into what the client sees. A cut body has fewer bytes than were announced, for which net/http closes
// the connection.
func (b *body) end(err error) {
	if err != nil && !errors.Is(err, errCut) {
		panic(http.ErrAbortHandler)
	}
}

func (b *body) send(s span) error {
	add := b.from.setup.counters.open(Sent{DP: b.from.setup.name, Conn: b.w.entry.Conn, File: b.res.key, User: b.w.entry.User,
		Offset: s.start})
	buf, ok := b.from.chunks.Get().(*[bodyChunk]byte)
	if !ok {
		buf = new([bodyChunk]byte)
	}
	defer b.from.chunks.Put(buf)
	for s.length > 0 {
		if err := b.strike(); err != nil {
			return err
		}
		part := buf[:b.next(s.length)]
		if err := b.read(part, s.start); err != nil {
			return err
		}
		add(len(part)) // before it goes out: who has got the bytes finds them counted
		n, err := b.w.Write(part)
		add(n - len(part))
		b.pos += int64(n)
		s = span{s.start + int64(n), s.length - int64(n)}
		if err != nil {
			return fmt.Errorf("send %s: %w", b.res.key, err)
		}
		if err := b.slow(n); err != nil {
			return err
		}
	}
	return nil
}

// next is how many bytes go out in one piece: not past the place of the next fault, and a tenth of a second's worth when
// dripping.
func (b *body) next(left int64) int64 {
	n := min(left, bodyChunk)
	if b.corrupt {
		return 1
	}
	if len(b.strikes) > 0 {
		n = min(n, b.strikes[0].at-b.pos)
	}
	if b.rate > 0 {
		n = min(n, max(1, b.rate/10))
	}
	return n
}

// read fills p with the file's bytes; past the file's end, where only FaultWrongSize leads, with zeros.
func (b *body) read(p []byte, off int64) error {
	n, err := b.res.body.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", b.res.key, err)
	}
	clear(p[n:])
	if b.corrupt {
		b.corrupt = false
		p[0] ^= 0xff
	}
	return nil
}

func (b *body) slow(n int) error {
	if b.rate == 0 {
		return nil
	}
	b.flush()
	return pause(b.r.Context(), time.Duration(n)*time.Second/time.Duration(b.rate))
}

// flush sends what net/http still buffers, so that the client has every byte before a fault strikes.
func (b *body) flush() {
	_ = http.NewResponseController(b.w).Flush() // a connection that is gone shows at the next write
}

// strike lets the faults act whose place is reached.
func (b *body) strike() error {
	for len(b.strikes) > 0 && b.strikes[0].at <= b.pos {
		in := b.strikes[0].by
		b.strikes = b.strikes[1:]
		b.flush()
		if err := b.act(in); err != nil {
			return err
		}
	}
	return nil
}

var errStruck = errors.New("a fault ended the connection")

func (b *body) act(in *Injected) error {
	switch in.fault.Kind {
	case FaultShortBody:
		return errCut
	case FaultReset:
		if c := connOf(b.r.Context()); c != nil {
			c.reset()
		}
		return errStruck
	case FaultKill:
		b.from.Kill()
		return errStruck
	case FaultStall:
		if !hold(b.r, in) {
			return errStruck
		}
	case FaultDrip:
		b.rate = in.fault.Rate
	case FaultCorrupt:
		b.corrupt = true
	}
	return nil
}
