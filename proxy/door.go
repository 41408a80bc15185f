package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Door is one listener of the proxy: how its clients come in and are let out again. What it serves may change meanwhile.
type Door struct {
	p        *Proxy
	settings atomic.Pointer[Listener]
	clients  *limited
	hits     *express
	server   *http.Server
	closing  atomic.Bool
	open     sync.WaitGroup                             // connections of net/http whose handler may still run
	original func(*net.TCPConn) (netip.AddrPort, error) // where a redirected client was going
}

// Open makes the door of a listener, which it closes when it fails. Clients that come early wait for Serve.
func (p *Proxy) Open(ln net.Listener, l Listener) (*Door, error) {
	l, err := l.complete(ln.Addr())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	d := &Door{p: p, clients: limit(ln, l.MaxConnections), original: originalDestination}
	d.settings.Store(&l)
	if !isLoopback(ln.Addr()) { // on loopback all clients have one address
		d.clients.clients = newPerClient(l.MaxConnections)
	}
	d.hits = newExpress(d, ln.Addr())
	d.server = d.newServer()
	return d, nil
}

// Prepare checks new settings, and returns what puts them into force for the requests to come. Requests under way keep the old
// ones. How many connections there may be stays as Open was told.
func (d *Door) Prepare(l Listener) (commit func(), err error) {
	l, err = l.complete(d.clients.Addr())
	if err != nil {
		return nil, err
	}
	return func() { d.settings.Store(&l) }, nil
}

// Settings are those in force, with their defaults.
func (d *Door) Settings() Listener { return *d.settings.Load() }

// Serve answers clients until ctx ends, then lets running requests finish for at most drain. It returns nil when it ended
// because of ctx. A Door serves once.
func (d *Door) Serve(ctx context.Context, drain time.Duration) error {
	drained := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(drained)
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		d.closing.Store(true)
		d.clients.Close()
		d.hits.close()
		if d.server.Shutdown(final) != nil {
			d.server.Close()
		}
		d.hits.wait(final)
	})
	accepted := make(chan error, 1)
	go func() {
		accepted <- d.accept(ctx)
		d.hits.slow.Close()
	}()
	d.server.Serve(d.hits.slow) // ends when nobody is accepted any more
	err := <-accepted
	if running() {
		err = fmt.Errorf("listener %s: %w", d.settings.Load().Name, errors.Join(err, http.ErrServerClosed)) // it ended by itself
		d.closing.Store(true)
		d.clients.Close()
		d.hits.close()
		d.server.Close()
		d.hits.wait(ctx)
	} else {
		err = nil
		<-drained
	}
	d.open.Wait()
	return err
}

// accept takes clients until the listener ends. It returns nil when it was closed.
func (d *Door) accept(ctx context.Context) error {
	for {
		conn, err := d.clients.accept()
		if conn == nil || err != nil {
			return err
		}
		d.receive(ctx, conn)
	}
}

// receive begins with a client that has just connected. ctx is that of Serve.
func (d *Door) receive(ctx context.Context, conn net.Conn) {
	switch l := d.settings.Load(); {
	case l.Transparent:
		d.hits.attend(conn, func(c *traveller) { d.redirected(ctx, c) })
	case l.Certificate != nil:
		d.hits.attend(conn, func(c *traveller) {
			if c.to = l.to; d.secure(c, l.Certificate) {
				d.hits.serve(c)
			}
		})
	default:
		d.enter(conn, l.to)
	}
}

// enter has a connection served that is a client's, whatever it was before: first by express, and from its first request of
// another kind on by net/http. It returns at once. The connection belongs to the door, which closes it in the end; when the
// proxy is closing that is now.
func (d *Door) enter(conn net.Conn, to *destination) {
	d.hits.attend(conn, func(c *traveller) {
		c.to = to
		d.hits.serve(c)
	})
}

// newServer makes net/http's half of a listener.
func (d *Door) newServer() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(d.serveHTTP),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,

		DisableGeneralOptionsHandler: true, // it would answer "OPTIONS *" for a server behind us

		ErrorLog: slog.NewLogLogger(d.p.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			d.open.Add(1)
			return d.p.forward.pins.begin(ctx, c)
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				d.p.forward.pins.end(c)
				d.open.Done()
			}
		},
	}
}

// serveHTTP is the first step of every request.
func (d *Door) serveHTTP(w http.ResponseWriter, r *http.Request) {
	e := newExchange(w, r, d)
	d.p.metrics.active.Inc()
	defer d.p.finish(e)
	r, end := pace(w, r)
	defer end()
	if d.p.serveConfiguration(e, r) {
		return
	}
	if refusal := d.p.admit(e, r, connOf(r).to); refusal != nil {
		e.refuse(refusal)
		return
	}
	d.p.learner.note(e, r)
	e.target, e.class = d.p.classify(e, r)
	d.p.dispatch(e, r)
}

// serveNamed is serveHTTP for a request that was admitted and named before.
func (d *Door) serveNamed(e *exchange, r *http.Request) {
	d.p.metrics.active.Inc()
	defer d.p.finish(e)
	d.p.dispatch(e, r)
}
