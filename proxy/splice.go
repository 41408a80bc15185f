package proxy

import (
	"context"
	"io"
	"net"
	"sync"
)

// splice connects a client to the address that it meant, and passes on every byte in both directions. It returns at once;
// ended is called in the end with what was passed on, or with why the address could not be reached. It is a tunnel that
// nobody asked for, and ends as one does.
func (f *forwarder) splice(client net.Conn, address string, ended func(carried, error)) {
	t := &tunnel{tunnels: &f.tunnels, idle: f.terms.Load().tunnelIdle}
	t.client = t.newEnd(client, nil) // open from here on, so that the goroutine has an owner
	go func() {
		var did carried
		conn, err := f.reach(address)
		if err == nil {
			own := addrPort(conn.LocalAddr())
			f.spliced.Store(own, true)
			t.target = t.newEnd(conn, nil)
			t.alive()
			did = t.run()
			f.spliced.Delete(own)
		} else {
			f.metrics.forwardFailures.Inc()
			abort(client)
		}
		ended(did, err)
		t.client.Close()
	}()
}

// isOwn tells whether a client is ourselves: what we pass on has been redirected to us again, and would be for ever.
func (f *forwarder) isOwn(client net.Addr) bool {
	_, ok := f.spliced.Load(addrPort(client))
	return ok
}

// reach dials for no client's request in particular.
func (f *forwarder) reach(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(f.tunnels.ctx, dialTimeout)
	defer cancel()
	return f.config.Dial(ctx, "tcp", address)
}

// carried is how many bytes a tunnel has carried.
type carried struct{ toTarget, toClient int64 }

// run carries bytes until both sides have ended, or one has broken off, and closes both.
func (t *tunnel) run() (did carried) {
	var other sync.WaitGroup
	other.Go(func() { did.toTarget = flow(t.target, t.client) })
	did.toClient = flow(t.client, t.target)
	other.Wait()
	t.target.Close()
	return did
}

// flow carries bytes one way until their end, which it passes on. When anything goes wrong both sides end at once.
func flow(to, from *tunnelEnd) (n int64) {
	n, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		to.Conn.Close()
		from.Conn.Close()
	}
	return n
}

// abort closes a connection so that its client sees it break off: nobody has answered.
func abort(conn net.Conn) {
	if tcp := tcpConn(conn); tcp != nil {
		_ = tcp.SetLinger(0) // closed already, otherwise
	}
	conn.Close()
}
