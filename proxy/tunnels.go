package proxy

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// tunnels are the connections behind CONNECT. They outlive their request, so they end with the proxy.
type tunnels struct {
	ctx  context.Context
	stop context.CancelFunc
	open sync.WaitGroup // ends that are not closed yet
}

func (t *tunnels) init() { t.ctx, t.stop = context.WithCancel(context.Background()) }

// close ends all tunnels. None may be made any more.
func (t *tunnels) close() {
	t.stop()
	t.open.Wait()
}

// tunnel is a pair of connections. It ends when neither side has said anything, or taken anything, for a while.
type tunnel struct {
	tunnels        *tunnels
	idle           time.Duration
	client, target *tunnelEnd
}

type tunnelKey struct{}

// tunnelOf returns the tunnel that a request was given.
func tunnelOf(r *http.Request) *tunnel { return r.Context().Value(tunnelKey{}).(*tunnel) }

// begin makes a tunnel to an open connection.
func (t *tunnels) begin(target net.Conn, idle time.Duration) *tunnel {
	pair := &tunnel{tunnels: t, idle: idle}
	pair.target = pair.newEnd(target, nil)
	return pair
}

// join adds the client's side. early is what the client has sent already.
func (t *tunnel) join(client net.Conn, early []byte) {
	t.client = t.newEnd(client, early)
	t.alive()
}

func (t *tunnel) newEnd(conn net.Conn, early []byte) *tunnelEnd {
	t.tunnels.open.Add(1)
	unhook := context.AfterFunc(t.tunnels.ctx, func() { conn.Close() })
	return &tunnelEnd{Conn: conn, tunnel: t, early: early, closed: sync.OnceFunc(func() {
		unhook()
		t.tunnels.open.Done()
	})}
}

// alive moves the deadlines of both sides and both directions: a download is silent the other way.
func (t *tunnel) alive() {
	deadline := time.Now().Add(t.idle)
	_ = t.client.SetDeadline(deadline)
	_ = t.target.SetDeadline(deadline)
}

// tunnelEnd is one connection of a tunnel. It embeds an interface, and no TCP connection, so that io.Copy cannot pass by
// Read and Write.
type tunnelEnd struct {
	net.Conn
	tunnel *tunnel
	early  []byte // comes before what Conn has
	closed func()
}

func (e *tunnelEnd) Read(p []byte) (int, error) {
	if len(e.early) > 0 {
		n := copy(p, e.early)
		e.early = e.early[n:]
		return n, nil
	}
	n, err := e.Conn.Read(p)
	e.tunnel.alive()
	return n, err
}

func (e *tunnelEnd) Write(p []byte) (int, error) {
	n, err := e.Conn.Write(p)
	e.tunnel.alive()
	return n, err
}

// Close closes both directions.
func (e *tunnelEnd) Close() error {
	err := e.Conn.Close()
	e.closed()
	return err
}

// CloseWrite tells this side that the other has said its last word.
func (e *tunnelEnd) CloseWrite() error { return closeWrite(e.Conn) }

// CloseRead is called when there is nothing left to be read.
func (e *tunnelEnd) CloseRead() error { return nil }

// closeWrite closes one direction of a connection that has two; another is closed altogether.
func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}

// tunnelWriter is the ResponseWriter of a CONNECT. goproxy throws away what the client sent together with it; this keeps
// it.
type tunnelWriter struct {
	*exchange
	tunnel *tunnel
}

// Hijack gives goproxy the client's side of the tunnel.
func (w *tunnelWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.status = http.StatusOK
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	w.tunnel.join(conn, early)
	return w.tunnel.client, rw, nil
}
