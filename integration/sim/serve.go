package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// server is one listening http.Server; a killed one is never used again.
type server struct {
	http *http.Server
	ln   net.Listener
	done chan struct{}
}

// revivePatience is how long Revive waits for a port that somebody's outgoing connection happens to use.
const revivePatience = 5 * time.Second

// Start listens on the configured addresses. A started DP is not started again.
func (d *DP) Start() error { return d.listen(context.Background()) }

// Revive listens again, after Kill, on the ports that it had before.
func (d *DP) Revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, revivePatience)
	defer cancel()
	return d.listen(ctx)
}

func (d *DP) listen(ctx context.Context) error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.isClosed() || len(d.servers) > 0 {
		return fmt.Errorf("start DP %q: it is running or closed", d.config.Name)
	}
	d.conns.revive()
	for _, scheme := range []string{"http", "https"} {
		addr := d.address(scheme)
		if addr == "" {
			continue
		}
		s, err := d.startServer(ctx, scheme, addr)
		if err != nil {
			d.stopServers()
			return fmt.Errorf("start DP %q: %w", d.config.Name, err)
		}
		d.servers = append(d.servers, s)
		d.setAddress(scheme, s.ln.Addr().String())
	}
	return nil
}

func (d *DP) startServer(ctx context.Context, scheme, addr string) (*server, error) {
	tcp, err := listenPatiently(ctx, addr)
	if err != nil {
		return nil, err
	}
	var ln net.Listener = &listener{Listener: tcp, owner: d.conns}
	if scheme == "https" {
		config, err := d.certificate()
		if err != nil {
			return nil, errors.Join(err, tcp.Close())
		}
		ln = tls.NewListener(ln, config)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s := &server{ln: ln, done: make(chan struct{}), http: &http.Server{
		Handler:           d,
		ConnContext:       withConn,
		Protocols:         protocols,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // broken handshakes are the clients' affair here
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(ln) // always an error in the end: that the server was closed
	}()
	return s, nil
}

// listenPatiently retries a port that is taken until the context ends; a context without a deadline does not retry.
func listenPatiently(ctx context.Context, addr string) (net.Listener, error) {
	_, patient := ctx.Deadline()
	var config net.ListenConfig
	for {
		ln, err := config.Listen(ctx, "tcp", addr)
		if err == nil || !patient {
			return ln, err
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return nil, err
		}
	}
}

// stopServers needs d.life. It does not wait for handlers.
func (d *DP) stopServers() {
	for _, s := range d.servers {
		_ = s.ln.Close() // first the door, so that nobody gets in while the connections are reset
	}
	d.conns.resetAll()
	for _, s := range d.servers {
		_ = s.http.Close()
		<-s.done
	}
	d.servers = nil
}

// Kill stops the DP as a power cut would: the ports refuse, every connection is reset. Revive brings it back.
func (d *DP) Kill() {
	d.life.Lock()
	defer d.life.Unlock()
	d.stopServers()
}

// Close kills the DP for good, lifts its faults and waits for everything that it started.
func (d *DP) Close() error {
	d.life.Lock()
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stopServers()
	d.life.Unlock()
	d.Faults.Clear()
	d.handlers.Wait()
	d.conns.deliveries.Wait()
	return nil
}

func (d *DP) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}
