package proxy

import (
	"net"
	"sync"
)

// limited is a listener with so many connections at a time. It is not netutil.LimitListener because the connections of
// that one cannot be closed in one direction alone, which a tunnel needs.
type limited struct {
	net.Listener
	slots   chan struct{}
	buffers sync.Pool // for gatherers
	ended   chan struct{}
	end     func()
}

func limit(ln net.Listener, connections int) *limited {
	l := &limited{Listener: ln, slots: make(chan struct{}, connections), ended: make(chan struct{})}
	l.buffers.New = func() any { return new([serverBuffer]byte) }
	l.end = sync.OnceFunc(func() { close(l.ended) })
	return l
}

// Accept waits for a slot before it waits for a client, so that those who wait do so in the queue of the kernel.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{gatherer{Conn: conn, buffers: &l.buffers}, sync.OnceFunc(func() { <-l.slots })}, nil
}

// full tells whether clients may be waiting to be accepted.
func (l *limited) full() bool { return len(l.slots) == cap(l.slots) }

// Close ends Accept, also one that waits for a slot.
func (l *limited) Close() error {
	l.end()
	return l.Listener.Close()
}

type limitedConn struct {
	gatherer
	release func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// CloseWrite tells the other side that nothing more comes.
func (c *limitedConn) CloseWrite() error { return closeWrite(c.gatherer.Conn) }
