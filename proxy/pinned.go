package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Windows authentication (NTLM, Negotiate) proves the identity of a TCP connection. So a client connection that takes
// part in it gets an upstream connection of its own for each host, which is never pooled, never used for another client,
// and closed with the client's.

// pins holds the state of every client connection.
type pins struct {
	conns sync.Map // net.Conn to *clientConn
}

type clientConnKey struct{}

// clientConn is one client connection. Requests on it come one after the other, but its end may come at any time.
type clientConn struct {
	mu     sync.Mutex
	pinned map[string]*http.Transport // by host:port
}

func (p *pins) begin(ctx context.Context, c net.Conn) context.Context {
	state := &clientConn{}
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
	return c.pinned[host] != nil
}

// pin returns the transport of this connection for host. It has one connection at the most.
func (c *clientConn) pin(host string, newTransport func() *http.Transport) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.pinned[host]; t != nil {
		return t
	}
	t := newTransport()
	t.MaxConnsPerHost = 1
	t.IdleConnTimeout = 2 * idleTimeout // it ends with the client's connection, which ends before this
	if c.pinned == nil {
		c.pinned = map[string]*http.Transport{}
	}
	c.pinned[host] = t
	return t
}

func (c *clientConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.pinned {
		t.CloseIdleConnections()
	}
}

// note unpins a connection whose authentication the upstream has ended by closing its side: the next request must begin
// a new one rather than meet a connection that nobody has authenticated.
func (p *pins) note(r *http.Request, resp *http.Response) {
	c := connOf(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.pinned[hostPort(r)]; t != nil && resp.Close {
		delete(c.pinned, hostPort(r))
		t.CloseIdleConnections()
	}
}

// asksForConnection tells whether an answer asks for Windows authentication.
func asksForConnection(h http.Header) bool {
	for _, v := range h["Www-Authenticate"] {
		scheme, _, _ := strings.Cut(strings.TrimSpace(v), " ")
		if strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate") {
			return true
		}
	}
	return false
}

// hostPort returns the destination of an outgoing request, with its port.
func hostPort(r *http.Request) string {
	host, port := splitHost(r)
	return net.JoinHostPort(host, port)
}
