package proxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// limited is a listener with so many connections at a time. It is not netutil.LimitListener because the connections of
// that one cannot be closed in one direction alone, which a tunnel needs.
type limited struct {
	net.Listener
	slots   chan struct{} // one for each connection, and one for the wait for the next
	open    atomic.Int64  // connections
	clients *perClient    // nil: no limit for one address
	ended   chan struct{}
	end     func()
}

func limit(ln net.Listener, connections int) *limited {
	l := &limited{Listener: ln, slots: make(chan struct{}, connections), ended: make(chan struct{})}
	l.end = sync.OnceFunc(func() { close(l.ended) })
	return l
}

// Accept waits for a slot before it waits for a client, so that those who wait do so in the queue of the kernel. A client
// whose address has its share of the slots is turned away.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		release, ok := l.clients.admit(conn.RemoteAddr())
		if ok {
			l.open.Add(1)
			return &limitedConn{conn, sync.OnceFunc(func() { release(); l.open.Add(-1); <-l.slots })}, nil
		}
		conn.Close()
	}
}

// accept is Accept that waits out what passes, a lack of descriptors above all. It returns nil when the listener is closed.
func (l *limited) accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		conn, err := l.Accept()
		if err == nil {
			return conn, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, nil
		}
		var passing interface{ Temporary() bool } // deprecated, and still what net/http goes by
		if !errors.As(err, &passing) || !passing.Temporary() {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-l.ended:
		}
	}
}

// full tells whether clients may be waiting to be accepted.
func (l *limited) full() bool { return int(l.open.Load()) == cap(l.slots) }

// Close ends Accept, also one that waits for a slot.
func (l *limited) Close() error {
	l.end()
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// CloseWrite tells the other side that nothing more comes.
func (c *limitedConn) CloseWrite() error { return closeWrite(c.Conn) }
