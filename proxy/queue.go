package proxy

import (
	"net"
	"sync"
)

// queue is a listener whose clients have been accepted by somebody else.
type queue struct {
	address net.Addr
	conns   chan net.Conn
	ended   chan struct{}
	end     func()
}

func newQueue(address net.Addr) *queue {
	q := &queue{address: address, conns: make(chan net.Conn), ended: make(chan struct{})}
	q.end = sync.OnceFunc(func() { close(q.ended) })
	return q
}

// put hands a connection over, or closes it when nobody takes any more.
func (q *queue) put(conn net.Conn) {
	select {
	case q.conns <- conn:
	case <-q.ended:
		conn.Close()
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.end()
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return q.address }

// resumed is a connection of which something has been read already.
type resumed struct {
	net.Conn
	read []byte
	to   *destination
}

func (c *resumed) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite tells the other side that nothing more comes.
func (c *resumed) CloseWrite() error { return closeWrite(c.Conn) }
