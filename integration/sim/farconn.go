package sim

import (
	"context"
	"net"
	"sync"
	"time"
)

// farConn is the DP's end of a connection over a Link.
type farConn struct {
	net.Conn
	link    *Link
	ctx     context.Context // ends when delivery failed or the connection is dropped
	cancel  context.CancelFunc
	under   chan parcel // pieces on their way, in order
	settled time.Time   // when the connection's own round trip is over

	// mu is held while a Write takes its turn: pieces of two writes do not mix.
	mu     sync.Mutex
	closed bool
	flight []parcel // pieces without an acknowledgement yet; only due and size count
	bytes  int      // in flight
}

// parcel is a piece of data and the time at which it arrives.
type parcel struct {
	data []byte
	size int
	due  time.Time
}

// Read implements net.Conn. The first one waits for the round trip that connecting takes.
func (c *farConn) Read(p []byte) (int, error) {
	if wait := time.Until(c.settled); wait > 0 {
		if err := pause(c.ctx, wait); err != nil {
			return 0, net.ErrClosed
		}
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *farConn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(p) {
		piece := p[n:min(n+linkPiece, len(p))]
		if c.closed || c.window(len(piece)) != nil || c.link.bucket.WaitN(c.ctx, len(piece)) != nil {
			return n, net.ErrClosed
		}
		due := time.Now().Add(c.link.delay())
		select {
		case c.under <- parcel{data: append([]byte(nil), piece...), due: due}:
		case <-c.ctx.Done():
			return n, net.ErrClosed
		}
		c.flight = append(c.flight, parcel{size: len(piece), due: due})
		c.bytes += len(piece)
		n += len(piece)
	}
	return n, nil
}

// window waits until a piece fits into what may be under way. It needs mu.
func (c *farConn) window(size int) error {
	for {
		for len(c.flight) > 0 && !time.Now().Before(c.flight[0].due) {
			c.bytes -= c.flight[0].size
			c.flight = c.flight[1:]
		}
		if c.bytes == 0 || c.bytes+size <= c.link.window {
			return nil
		}
		if err := pause(c.ctx, time.Until(c.flight[0].due)); err != nil {
			return err
		}
	}
}

// deliver hands each piece to the real connection when it is due. It ends when Close was called and all is delivered.
func (c *farConn) deliver() {
	defer c.Conn.Close() //nolint:errcheck // the peer's end of it is all that matters
	defer c.cancel()
	for p := range c.under {
		if pause(c.ctx, time.Until(p.due)) != nil {
			return
		}
		if _, err := c.Conn.Write(p.data); err != nil {
			return
		}
	}
}

// Close implements net.Conn: no more reading at once, no more writing after what is under way.
func (c *farConn) Close() error {
	err := c.SetReadDeadline(time.Unix(1, 0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.under)
	}
	return err
}

// drop loses what is under way.
func (c *farConn) drop() { c.cancel() }

// SetDeadline implements net.Conn. Writing has no deadline: the delivery is not the writer's.
func (c *farConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn; see SetDeadline.
func (c *farConn) SetWriteDeadline(time.Time) error { return nil }
