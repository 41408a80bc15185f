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
	"strings"
	"time"
)

// tlsConfig is crypto/tls's, under a name that says what the DP keeps of it.
type tlsConfig = tls.Config

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
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.servers) > 0 {
		return fmt.Errorf("start DP %q: it is running or closed", d.config.Name)
	}
	d.conns.revive()
	for _, scheme := range []string{"http", "https"} {
		if d.addresses[scheme] == "" {
			continue
		}
		s, err := d.startServer(ctx, scheme)
		if err != nil {
			d.stopServers()
			return fmt.Errorf("start DP %q: %w", d.config.Name, err)
		}
		d.servers = append(d.servers, s)
		d.addresses[scheme] = s.ln.Addr().String()
	}
	return nil
}

func (d *DP) startServer(ctx context.Context, scheme string) (*server, error) {
	tcp, err := listenPatiently(ctx, d.addresses[scheme])
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

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stopServers needs d.mu. It does not wait for handlers.
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
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopServers()
}

// Close kills the DP for good, lifts its faults and waits for everything that it started.
func (d *DP) Close() error {
	d.mu.Lock()
	d.closed = true
	d.stopServers()
	d.mu.Unlock()
	d.Faults.Clear()
	d.handlers.Wait()
	if d.config.Link != nil {
		d.config.Link.wait()
	}
	return nil
}

// URL is the base of the DP's http URLs, or of its https URLs, without a slash at the end: "http://127.0.0.1:40123". Empty
// when the DP has no such listener.
func (d *DP) URL(scheme string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, port, err := net.SplitHostPort(d.addresses[scheme])
	if err != nil {
		return ""
	}
	return scheme + "://" + net.JoinHostPort(strings.Trim(d.config.Host, "[]"), port)
}

// Location is the base URL of a content, as a location reply names it: http when the DP has it, except for VdirToken.
func (d *DP) Location(v Vdir, segment string) string {
	base := d.URL("http")
	if base == "" || v != VdirPlain {
		base = d.URL("https")
	}
	return base + "/" + v.String() + "SMS_DP_SMSPKG$/" + segment
}

func (d *DP) makeTLS() (*tlsConfig, error) {
	cert, err := d.config.CA.Issue(d.config.Host, "127.0.0.1", "localhost")
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    d.config.CA.Pool(),
	}, nil
}
