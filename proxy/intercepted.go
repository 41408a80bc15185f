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
	i.status = http.StatusOK
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	return &resumed{Conn: conn, read: early}, rw, nil
}

// begin goes on with the connection, and returns when it is clear what becomes of it.
func (i *intercepted) begin(conn net.Conn) {
	known := make(chan struct{})
	attended := i.door.hits.attend(conn, func(c *traveller) {
		c.to = i.to
		_ = c.SetWriteDeadline(time.Now().Add(headerTimeout))
		if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			c.Close()
		}
		i.within(c, func(decided decision) {
			i.became(decided)
			close(known)
		})
	})
	if !attended {
		i.became(decidedLeft)
		return
	}
	<-known
}

// became tells what has become of the connection.
func (i *intercepted) became(decided decision) {
	if decided != decidedOdd { // that is passed on, as what was never to be seen into
		i.result = string(decided)
	}
	i.door.tell(bare(i.to.host), decided)
}

// within serves what is inside a CONNECT: TLS, as nearly always. What our own server could not answer is passed on to where the
// CONNECT leads. Who begins nothing, or no more than a part of TLS, has gone. became is called as soon as it is clear which.
func (i *intercepted) within(c *traveller, became func(decision)) {
	d := i.door
	o, early, err := readOpening(c.Conn)
	_, missing := sniff(early)
	if err != nil || len(early) == 0 || missing > 0 && early[0] == recordHandshake {
		became(decidedLeft)
		c.Close()
		return
	}
	c.Conn = &resumed{Conn: c.Conn, read: early}
	if o.protocol != protocolTLS || o.host != "" && o.host != bare(c.to.host) {
		became(decidedOdd)
		_ = c.SetDeadline(time.Time{})
		d.p.forward.splice(c.Conn, c.to.host, func(carried, error) {})
		return
	}
	became(decidedSeen)
	if d.secure(c, show(i.certificate)) {
		d.hits.serve(c)
	}
}
