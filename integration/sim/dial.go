package sim

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// connect makes sure that the connection leads to a host.
func (s *session) connect(scheme, host string) error {
	to := scheme + "://" + host
	if s.conn != nil && s.to == to {
		return nil
	}
	s.drop()
	addr := hostPort(scheme, host)
	if s.config.Proxy != nil {
		addr = hostPort("http", s.config.Proxy.Host)
	}
	if place, known := s.config.Resolve[strings.ToLower(addr)]; known {
		addr = place
	}
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(s.ctx, s.config.IdleTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	s.result.Connections++
	s.use(&idleConn{Conn: conn, timeout: s.config.IdleTimeout}, to)
	if scheme == "https" {
		err = s.secure(host)
	}
	if err != nil {
		s.drop()
	}
	return err
}

func (s *session) use(conn net.Conn, to string) {
	if s.stop != nil {
		s.stop()
	}
	s.conn, s.to, s.in = conn, to, bufio.NewReaderSize(conn, 64<<10)
	s.stop = context.AfterFunc(s.ctx, func() { _ = conn.Close() }) // ends whatever waits on it
}

// secure puts TLS on the connection, after a CONNECT when it leads to a proxy.
func (s *session) secure(host string) error {
	addr := hostPort("https", host)
	if s.config.Proxy != nil {
		if err := s.tunnel(addr); err != nil {
			return err
		}
	}
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	config := &tls.Config{
		RootCAs:    s.config.RootCAs,
		ServerName: strings.ToLower(name),
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
	}
	if s.config.Certificate != nil {
		config.Certificates = []tls.Certificate{*s.config.Certificate}
	}
	conn := tls.Client(s.conn, config)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		return fmt.Errorf("TLS with %s: %w", name, err)
	}
	s.result.Issuer = conn.ConnectionState().PeerCertificates[0].Issuer.CommonName
	s.use(conn, s.to)
	return nil
}

// tunnel asks the proxy for a tunnel.
func (s *session) tunnel(addr string) error {
	if _, err := fmt.Fprintf(s.conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nProxy-Connection: Keep-Alive\r\n\r\n",
		addr, addr, s.config.UserAgent); err != nil {
		return fmt.Errorf("send CONNECT: %w", err)
	}
	resp, err := s.readHead(http.MethodConnect)
	if err != nil {
		return fmt.Errorf("answer to CONNECT: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		s.result.Status, s.result.Header = resp.StatusCode, resp.Header
		return &statusError{resp.StatusCode, "CONNECT"}
	}
	return nil
}

// drop closes the connection, if there is one.
func (s *session) drop() {
	if s.conn == nil {
		return
	}
	s.stop()
	_ = s.conn.Close() // nothing of it is wanted any more
	s.conn, s.stop = nil, nil
}

// idleConn fails a read or a write that makes no progress.
type idleConn struct {
	net.Conn
	timeout time.Duration
}

// Read implements net.Conn.
func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
