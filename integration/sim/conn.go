package sim

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
)

// conn is one TCP connection that a DP accepted. Windows authentication is bound to it.
type conn struct {
	net.Conn // shaped by a Link, or as accepted
	tcp      net.Conn
	id       uint64
	leave    func()
	once     sync.Once
	demand   *lateDemand // nil: none is possible. Set before the first byte of a handshake is sent

	// mu is taken after the mu of connections, never before it.
	mu        sync.Mutex
	requests  int
	challenge []byte   // of the NTLM handshake under way
	user      string   // authenticated for as long as the connection lives
	users     []string // everybody whom it served
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.demand != nil {
		c.demand.see(p)
	}
	return c.Conn.Write(p)
}

// askForCertificate sends the demand under the feet of crypto/tls, whose own records are worth nothing from then on.
func (c *conn) askForCertificate() {
	record, err := c.demand.helloRequest()
	if err == nil {
		_, err = c.Conn.Write(record)
	}
	if err != nil {
		c.reset()
	}
}

// reset ends the connection with a RST; what was not delivered yet is lost.
func (c *conn) reset() {
	if tcp, ok := c.tcp.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is closed already
	}
	_ = c.tcp.Close() // the peer is to see an error, we have no use for ours
	if far, ok := c.Conn.(*farConn); ok {
		far.drop()
	}
	_ = c.Close()
}

// serve counts a request, and notes for whom the connection worked.
func (c *conn) serve(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if user != "" && !slices.Contains(c.users, user) {
		c.users = append(c.users, user)
	}
}

type connKey struct{}

// withConn is the ConnContext of a DP's servers.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection of a request, nil when the handler runs in a server that is not the DP's own.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// Connection is what a DP knows of one TCP connection, open or gone.
type Connection struct {
	// ID counts from 1 within a DP.
	ID uint64
	// Remote is the other end's address.
	Remote string
	// Requests that it carried.
	Requests int
	// Users whom requests were served for, DOMAIN\name. More than one shows that a login was shared.
	Users []string
}

func (c *conn) snapshot() Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Connection{ID: c.id, Remote: c.tcp.RemoteAddr().String(), Requests: c.requests, Users: slices.Clone(c.users)}
}
