package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// intercepted is a CONNECT whose connection is seen into. It is the ResponseWriter that goproxy takes the connection from, and
// has it served as a client's that leads to the one server that the CONNECT named.
type intercepted struct {
	*exchange
	certificate *tls.Certificate
	to          *destination
}

type interceptedKey struct{}

// Hijack takes the connection over, with what the client sent together with the CONNECT.
func (i *intercepted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(i.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	i.status, i.result = http.StatusOK, string(decidedSeen)
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	return &resumed{Conn: conn, read: early}, rw, nil
}

// begin goes on with the connection. It returns at once.
func (i *intercepted) begin(conn net.Conn) {
	d, to, certificate := i.door, i.to, i.certificate
	d.hits.attend(conn, func(c *traveller) {
		c.to = to
		_ = c.SetWriteDeadline(time.Now().Add(headerTimeout))
		if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			c.Close()
			return
		}
		d.within(c, certificate)
	})
}

// within serves what is inside a CONNECT: TLS, as nearly always. What our own server could not answer is passed on to where the
// CONNECT leads. Who begins nothing, or no more than a part of TLS, has gone.
func (d *Door) within(c *traveller, certificate *tls.Certificate) {
	o, early, err := readOpening(c.Conn)
	_, missing := sniff(early)
	if err != nil || len(early) == 0 || missing > 0 && early[0] == recordHandshake {
		c.Close()
		return
	}
	c.Conn = &resumed{Conn: c.Conn, read: early}
	if o.protocol != protocolTLS || o.host != "" && o.host != bare(c.to.host) {
		_ = c.SetDeadline(time.Time{})
		d.p.forward.splice(c.Conn, c.to.host, func(carried, error) {})
		return
	}
	if d.secure(c, show(certificate)) {
		d.hits.serve(c)
	}
}
