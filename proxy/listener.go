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
	"time"
)

// Entitlement says how clients of a listener show that they may have a content.
type Entitlement string

const (
	// Machine serves every process of this machine with the tokens that it has. For loopback listeners only.
	Machine Entitlement = "machine"
	// Origin asks the distribution point, with the client's own headers.
	Origin Entitlement = "origin"
	// Network serves clients of named networks with our token, and asks for all others as Origin does.
	Network Entitlement = "network"
)

// Listener is one door of the proxy.
type Listener struct {
	// Name appears in logs and metrics.
	Name string
	// Entitlement: how clients show that they may have a content. It must be set.
	Entitlement Entitlement
	// Networks are served without asking when Entitlement is Network.
	Networks []netip.Prefix
	// AnyHost serves every destination. For loopback listeners only.
	AnyHost bool
	// Hosts are the destinations otherwise: "host", "host:port" or "*.suffix".
	Hosts []string
	// ConnectPorts are the ports that tunnels may lead to.
	ConnectPorts []string
	// MaxConnections is how many clients are connected at a time; more wait to be accepted. Zero means 4096.
	MaxConnections int
}

// Timeouts against clients that are slow or silent.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// maxHeader leaves room for BITS custom headers of 16,384 characters and a Kerberos ticket of 48 KiB.
	maxHeader = 96 << 10
)

func (l *Listener) validate(address net.Addr) error {
	loopback := isLoopback(address)
	switch {
	case l.Entitlement == Machine && !loopback:
		return fmt.Errorf("listener %s: entitlement machine is for loopback addresses, not %s", l.Name, address)
	case l.AnyHost && !loopback:
		return fmt.Errorf("listener %s: any destination is for loopback addresses, not %s", l.Name, address)
	case l.Entitlement == Network && len(l.Networks) == 0:
		return fmt.Errorf("listener %s: entitlement network names no network", l.Name)
	case l.Entitlement != Machine && l.Entitlement != Origin && l.Entitlement != Network:
		return fmt.Errorf("listener %s: entitlement %q is unknown", l.Name, l.Entitlement)
	case l.MaxConnections < 0:
		return fmt.Errorf("listener %s: a negative number of connections", l.Name)
	}
	return nil
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Serve answers the clients of a listener until ctx ends, then lets running requests finish for at most drain. It returns
// nil when it ended because of ctx.
func (p *Proxy) Serve(ctx context.Context, ln net.Listener, l Listener, drain time.Duration) error {
	if err := l.validate(ln.Addr()); err != nil {
		return errors.Join(err, ln.Close())
	}
	if l.MaxConnections == 0 {
		l.MaxConnections = 4096
	}
	limited := limit(ln, l.MaxConnections)
	if !isLoopback(ln.Addr()) { // on loopback all clients have one address
		limited.clients = newPerClient(l.MaxConnections)
	}
	door := &door{p, l, limited.full}
	hits := newExpress(door, ln.Addr())
	var open sync.WaitGroup // connections of net/http whose handler may still run
	server := p.newServer(door, &open)
	drained := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(drained)
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		limited.Close()
		hits.close()
		if server.Shutdown(final) != nil {
			server.Close()
		}
		hits.wait(final)
	})
	accepted := make(chan error, 1)
	go func() {
		accepted <- hits.accept(limited)
		hits.slow.Close()
	}()
	server.Serve(hits.slow) // ends when nobody is accepted any more
	err := <-accepted
	if running() {
		err = fmt.Errorf("listener %s: %w", l.Name, errors.Join(err, http.ErrServerClosed)) // it ended by itself
		limited.Close()
		hits.close()
		server.Close()
		hits.wait(ctx)
	} else {
		err = nil
		<-drained
	}
	open.Wait()
	return err
}

// newServer makes net/http's half of a listener. open counts its connections.
func (p *Proxy) newServer(door *door, open *sync.WaitGroup) *http.Server {
	return &http.Server{
		Handler:           door,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			open.Add(1)
			return p.forward.pins.begin(ctx, c)
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				p.forward.pins.end(c)
				open.Done()
			}
		},
	}
}
