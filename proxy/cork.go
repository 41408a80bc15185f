package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// secured is a client's connection under TLS. A large Write leaves in large pieces, where tls.Conn alone would ask the system
// for each record of 16 KiB.
type secured struct {
	*tls.Conn
	out     *corked
	writing atomic.Int32 // Writes that have not returned
	closing *atomic.Bool // the door: nobody may be waited for
}

// Write implements net.Conn.
func (s *secured) Write(p []byte) (int, error) {
	n, err := s.writeAll(net.Buffers{p})
	return int(n), err
}

// writeAll writes several pieces as one.
func (s *secured) writeAll(pieces net.Buffers) (n int64, err error) {
	s.writing.Add(1)
	defer s.writing.Add(-1)
	s.out.hold()
	for _, p := range pieces {
		k, err := s.Conn.Write(p)
		n += int64(k)
		if err != nil {
			return n, errors.Join(err, s.out.letGo())
		}
	}
	return n, s.out.letGo()
}

// goodbye is how long a client that does not read may hold up a door that closes. What can be written at once needs no time.
const goodbye = time.Millisecond

// Close says goodbye, as TLS wants it, unless a Write is stuck: the goodbye would be stuck behind it. tls.Conn gives a goodbye
// five seconds, and net/http closes one connection after the other.
func (s *secured) Close() error {
	if s.writing.Load() > 0 {
		return s.out.Conn.Close()
	}
	if s.closing.Load() {
		hurry := time.AfterFunc(goodbye, func() { s.out.Conn.Close() })
		defer hurry.Stop()
	}
	return s.Conn.Close()
}

// corkBytes is how much is held back at the most. Measured: 64 KiB save as many system calls as matter, and stay in the
// processor's cache until they are copied once more.
const corkBytes = 64 << 10

// newCork makes a buffer for what is held back, which may be one record more.
func newCork() any {
	b := make([]byte, 0, corkBytes+(17<<10))
	return &b
}

// corked is the connection beneath TLS. It can hold back what is written, to write it in fewer pieces.
type corked struct {
	net.Conn
	certificate certify
	buffers     *sync.Pool // of *[]byte

	// mu puts writes in an order, as the connection would by itself; so it is held while one of them goes out.
	mu   sync.Mutex
	held *[]byte // nil: nothing is held back
	err  error   // of a write, after which there are no more: the client would miss something in the middle
}

// Write implements net.Conn.
func (c *corked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(*c.held) == 0 && len(p) >= corkBytes {
		return c.write(p)
	}
	*c.held = append(*c.held, p...)
	if len(*c.held) < corkBytes {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold begins to hold back.
func (c *corked) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = c.buffers.Get().(*[]byte)
}

// letGo writes what was held back.
func (c *corked) letGo() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.flush()
	c.buffers.Put(c.held)
	c.held = nil
	return err
}

// flush writes what is held back. The caller holds mu.
func (c *corked) flush() error {
	p := *c.held
	*c.held = p[:0]
	if len(p) == 0 {
		return c.err
	}
	_, err := c.write(p)
	return err
}

// write writes at once. The caller holds mu.
func (c *corked) write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Write(p)
	c.err = err
	return n, err
}
