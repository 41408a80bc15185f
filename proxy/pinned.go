package proxy

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Windows authentication (NTLM, Negotiate) proves the identity of a TCP connection. So a client connection that takes
// part in it gets an upstream connection of its own for each host, which is never pooled, never used for another client,
// and closed with the client's. On a machine that is overloaded net/http now and then gives up a connection whose answer was
// quicker than its note that the request is out (50 ms); the client is then asked to authenticate itself again, as after any
// connection that a server has closed.

// pins holds the state of every client connection.
type pins struct {
	conns sync.Map // net.Conn to *clientConn
}

type clientConnKey struct{}

// clientConn is one client connection. Requests on it come one after the other, but its end may come at any time.
type clientConn struct {
	to *destination // nil: each request says where it leads

	mu     sync.Mutex
	pinned []pin // the last one used is the last
}

// pin is a client connection's own way to a host.
type pin struct {
	host      string // with its port
	transport *http.Transport
}

// maxPins is how many hosts one client connection can authenticate itself at. A client has a DP or two and asks them in
// turn; without a limit one that goes through many would hold as many connections.
const maxPins = 8

func (p *pins) begin(ctx context.Context, c net.Conn) context.Context {
	state := &clientConn{}
	if passed, ok := c.(*resumed); ok {
		state.to = passed.to
	}
	p.conns.Store(c, state)
	return context.WithValue(ctx, clientConnKey{}, state)
}

func (p *pins) end(c net.Conn) {
	if state, ok := p.conns.LoadAndDelete(c); ok {
		state.(*clientConn).end()
	}
}

// connOf returns the client connection of a request. A request without one has none that could be pinned.
func connOf(r *http.Request) *clientConn {
	c, ok := r.Context().Value(clientConnKey{}).(*clientConn)
	if !ok {
		return &clientConn{}
	}
	return c
}

// pinnedTo tells whether the connection has authenticated itself, or begun to, at host.
func (c *clientConn) pinnedTo(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(host) >= 0
}

// find returns where host is in pinned, below zero when it is not. The caller holds mu.
func (c *clientConn) find(host string) int {
	return slices.IndexFunc(c.pinned, func(p pin) bool { return p.host == host })
}

// pin returns the transport of this connection for host. It has one connection at the most. When there are too many, the
// one not used for the longest time is closed, and its client will have to authenticate itself again.
func (c *clientConn) pin(host string, newTransport func() *http.Transport) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.find(host); i >= 0 {
		used := c.pinned[i]
		c.pinned = append(slices.Delete(c.pinned, i, i+1), used)
		return used.transport
	}
	if len(c.pinned) == maxPins {
		c.unpin(0)
	}
	t := newTransport()
	t.MaxConnsPerHost = 1
	t.IdleConnTimeout = 2 * idleTimeout // who does not ask this host for so long has to authenticate himself again
	c.pinned = append(c.pinned, pin{host, t})
	return t
}

// unpin closes one of pinned. No request is under way on it. The caller holds mu.
func (c *clientConn) unpin(i int) {
	c.pinned[i].transport.CloseIdleConnections()
	c.pinned = slices.Delete(c.pinned, i, i+1)
}

func (c *clientConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pinned {
		p.transport.CloseIdleConnections()
	}
}

// note unpins a connection whose authentication the upstream has ended by closing its side: the next request must begin
// a new one rather than meet a connection that nobody has authenticated.
func (p *pins) note(r *http.Request, resp *http.Response) {
	c := connOf(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.find(hostPort(r)); i >= 0 && resp.Close {
		c.unpin(i)
	}
}

// hostPort returns the destination of an outgoing request, with its port.
func hostPort(r *http.Request) string {
	host, port := splitHost(r)
	return net.JoinHostPort(host, port)
}
