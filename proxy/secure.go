package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// certify says which certificate a client that begins TLS is shown.
type certify func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// show is a certify that shows everybody the same.
func show(certificate *tls.Certificate) certify {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }
}

// serverTLS is TLS towards clients. There is one for all connections, so that sessions can be resumed; which certificate is
// shown is a matter of each connection.
func serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, // HTTP/2 would halve the throughput, and cannot carry Windows authentication
		// Small records at first would be for pages that are shown while they come in; these are files.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return hello.Conn.(*corked).certificate(hello)
		},
	}
}

// secure begins TLS on a connection, as its server. When that fails the connection is closed, and the result is false.
func (d *Door) secure(c *traveller, certificate certify) bool {
	out := &corked{Conn: c.Conn, certificate: certificate, buffers: &d.p.corks}
	conn := &secured{Conn: tls.Server(out, d.p.serverTLS), out: out}
	_ = c.Conn.SetDeadline(time.Now().Add(headerTimeout))
	if err := conn.Handshake(); err != nil {
		c.came.Close()
		d.unsecured(c, err)
		return false
	}
	d.p.metrics.handshakes.WithLabelValues(d.settings.Load().Name, "done").Inc()
	_ = c.Conn.SetDeadline(time.Time{})
	_ = c.Conn.SetReadDeadline(time.Now().Add(headerTimeout)) // of the first request
	c.Conn = conn
	return true
}

// unsecured tells of a handshake that failed. The commonest reason is a client that does not trust our authority.
func (d *Door) unsecured(c *traveller, err error) {
	name, result, hint := d.settings.Load().Name, "failed", "the client and Branchpoint do not agree to TLS"
	var op *net.OpError
	switch {
	case timedOut(err):
		result, hint = "timeout", "the client did not finish the handshake in time"
	case errors.As(err, &op) && op.Op == "remote error":
		result, hint = "refused", "the client does not accept our certificate; see `branchpoint ca trust`"
	}
	d.p.metrics.handshakes.WithLabelValues(name, result).Inc()
	attrs := []any{"listener", name, "client", c.address, "hint", hint, "error", err}
	if c.to != nil {
		attrs = append(attrs, "host", c.to.host)
	}
	d.p.log.Info("a TLS handshake failed", attrs...)
}

// secured is a client's connection under TLS. A large Write leaves in large pieces, where tls.Conn alone would ask the system
// for each record of 16 KiB.
type secured struct {
	*tls.Conn
	out     *corked
	writing atomic.Int32 // Writes that have not returned
}

// Write implements net.Conn.
func (s *secured) Write(p []byte) (int, error) {
	n, err := s.writeAll(net.Buffers{p})
	return int(n), err
}

// writeAll writes several pieces as one.
func (s *secured) writeAll(pieces net.Buffers) (n int64, err error) {
	s.writing.Add(1)
	defer s.writing.Add(-1)
	s.out.hold()
	for _, p := range pieces {
		k, err := s.Conn.Write(p)
		n += int64(k)
		if err != nil {
			return n, errors.Join(err, s.out.letGo())
		}
	}
	return n, s.out.letGo()
}

// Close says goodbye, as TLS wants it, unless a Write is stuck: the goodbye would be stuck behind it.
func (s *secured) Close() error {
	if s.writing.Load() > 0 {
		return s.out.Conn.Close()
	}
	return s.Conn.Close()
}

// corkBytes is how much is held back at the most. Measured: 64 KiB save as many system calls as matter, and stay in the
// processor's cache until they are copied once more.
const corkBytes = 64 << 10

// corked is the connection beneath TLS. It can hold back what is written, to write it in fewer pieces.
type corked struct {
	net.Conn
	certificate certify
	buffers     *sync.Pool // of *[]byte

	mu   sync.Mutex
	held *[]byte // nil: nothing is held back
	err  error   // of a write, after which there are no more: the client would miss something in the middle
}

// Write implements net.Conn.
func (c *corked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(*c.held) == 0 && len(p) >= corkBytes {
		return c.write(p)
	}
	*c.held = append(*c.held, p...)
	if len(*c.held) < corkBytes {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold begins to hold back.
func (c *corked) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = c.buffers.Get().(*[]byte)
}

// letGo writes what was held back.
func (c *corked) letGo() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.flush()
	c.buffers.Put(c.held)
	c.held = nil
	return err
}

// flush writes what is held back. The caller holds mu.
func (c *corked) flush() error {
	p := *c.held
	*c.held = p[:0]
	if len(p) == 0 {
		return c.err
	}
	_, err := c.write(p)
	return err
}

// write writes at once. The caller holds mu.
func (c *corked) write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Write(p)
	c.err = err
	return n, err
}
