package sim

import (
	"context"
	"crypto/tls"
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

// Start listens on the configured addresses. What is started is not started again.
func (o *origin) Start() error { return o.listen(context.Background()) }

// Revive listens again, after Kill, on the ports that it had before.
func (o *origin) Revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, revivePatience)
	defer cancel()
	return o.listen(ctx)
}

func (o *origin) listen(ctx context.Context) error {
	o.life.Lock()
	defer o.life.Unlock()
	if o.isClosed() || len(o.servers) > 0 {
		return fmt.Errorf("start %q: it is running or closed", o.setup.name)
	}
	o.conns.revive()
	for _, scheme := range []string{"http", "https"} {
		addr := o.Address(scheme)
		if addr == "" {
			continue
		}
		s, err := o.startServer(ctx, scheme, addr)
		if err != nil {
			o.stopServers()
			return fmt.Errorf("start %q: %w", o.setup.name, err)
		}
		o.servers = append(o.servers, s)
		o.setAddress(scheme, s.ln.Addr().String())
	}
	return nil
}

func (o *origin) startServer(ctx context.Context, scheme, addr string) (*server, error) {
	tcp, err := listenPatiently(ctx, addr)
	if err != nil {
		return nil, err
	}
	var ln net.Listener = &listener{Listener: tcp, owner: o.conns}
	if scheme == "https" {
		ln = tls.NewListener(ln, &tls.Config{GetConfigForClient: o.tlsConfig})
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s := &server{ln: ln, done: make(chan struct{}), http: &http.Server{
		Handler:           o.handler,
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

// stopServers needs o.life. It does not wait for handlers.
func (o *origin) stopServers() {
	for _, s := range o.servers {
		_ = s.ln.Close() // first the door, so that nobody gets in while the connections are reset
	}
	o.conns.resetAll()
	for _, s := range o.servers {
		_ = s.http.Close()
		<-s.done
	}
	o.servers = nil
}

// Kill stops the server as a power cut would: the ports refuse, every connection is reset. Revive brings it back.
func (o *origin) Kill() {
	o.life.Lock()
	defer o.life.Unlock()
	o.stopServers()
}

// Close kills the server for good, lifts its faults and waits for everything that it started.
func (o *origin) Close() error {
	o.life.Lock()
	o.open.Lock()
	o.closed = true
	o.open.Unlock()
	o.stopServers()
	o.life.Unlock()
	o.Faults.Clear()
	o.handlers.Wait()
	o.conns.deliveries.Wait()
	return nil
}

func (o *origin) isClosed() bool {
	o.open.Lock()
	defer o.open.Unlock()
	return o.closed
}
