package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// tunnels are the connections behind CONNECT. They outlive their request, so they are kept to be ended with the proxy.
type tunnels struct {
	mu     sync.Mutex
	open   map[*tunnel]struct{}
	closed bool
}

// dialTimeout is how long a tunnel's destination may take to accept.
const dialTimeout = 30 * time.Second

func (t *tunnels) dial(config Config, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := config.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		conn.Close()
		return nil, errors.New("proxy: the dialer made something else than a TCP connection")
	}
	c := &tunnel{TCPConn: tcp, owner: t, idle: config.TunnelIdle}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	t.open[c] = struct{}{}
	return c, nil
}

func (t *tunnels) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for c := range t.open {
		c.TCPConn.Close()
	}
}

// tunnel is the upstream half of a tunnel. It ends when neither side has said anything for a while.
type tunnel struct {
	*net.TCPConn
	owner *tunnels
	idle  time.Duration
}

func (c *tunnel) Read(p []byte) (int, error) {
	c.alive()
	n, err := c.TCPConn.Read(p)
	c.alive()
	return n, err
}

func (c *tunnel) Write(p []byte) (int, error) {
	c.alive()
	return c.TCPConn.Write(p)
}

// alive moves the deadline of both directions: a download is silent the other way.
func (c *tunnel) alive() { _ = c.SetDeadline(time.Now().Add(c.idle)) }

func (c *tunnel) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.TCPConn.Close()
}
