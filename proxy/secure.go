package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
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
	conn := &secured{Conn: tls.Server(out, d.p.serverTLS), out: out, closing: &d.closing}
	_ = c.Conn.SetDeadline(time.Now().Add(headerTimeout))
	if err := conn.Handshake(); err != nil {
		var record tls.RecordHeaderError
		if errors.As(err, &record) && record.Conn != nil && isMethod(record.RecordHeader[:]) {
			_, _ = io.WriteString(c.Conn, plainOverTLS)
		}
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

// plainOverTLS is for a client that speaks plain HTTP where TLS is spoken.
const plainOverTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nBranchpoint: this address speaks HTTPS. Write https://.\n"

// isMethod tells whether bytes look like the beginning of a request: capital letters, and then perhaps a space.
func isMethod(p []byte) bool {
	word, _, _ := bytes.Cut(p, []byte(" "))
	return len(word) > 2 && !bytes.ContainsFunc(word, func(c rune) bool { return c < 'A' || c > 'Z' })
}

// unsecured tells of a handshake that failed. The commonest reason is a client that does not trust our authority.
func (d *Door) unsecured(c *traveller, err error) {
	name := d.settings.Load().Name
	result, hint := handshakeFailure(err)
	d.p.metrics.handshakes.WithLabelValues(name, result).Inc()
	attrs := []any{"listener", name, "client", c.address, "hint", hint, "error", err}
	if c.to != nil {
		attrs = append(attrs, "host", c.to.host)
	}
	d.p.log.Info("a TLS handshake failed", attrs...)
}

// handshakeFailure puts an error into the words of a metric, and of people.
func handshakeFailure(err error) (result, hint string) {
	var op *net.OpError
	isOp := errors.As(err, &op) && op.Err != nil
	switch {
	case timedOut(err):
		return "timeout", "the client did not finish the handshake in time"
	case isOp && op.Op == "remote error",
		// OpenSSL 3 sends its refusal in the clear, where TLS 1.3 wants it encrypted.
		isOp && op.Op == "local error" && strings.HasSuffix(op.Err.Error(), "bad record MAC"):
		return "refused", "the client does not accept our certificate; does it trust who has issued it? (branchpoint ca trust)"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isOp && op.Op == "read":
		return "left", "the client has closed the connection"
	}
	return "failed", "the client and Branchpoint do not agree to TLS"
}
