package proxy

import (
	"errors"
	"io"
	"net"
)

// protocol is what a client begins to speak.
type protocol uint8

const (
	// protocolOther is everything that is passed on as it is: neither of the others, or one of them in a form that we could
	// not answer, or might read in another way than its server.
	protocolOther protocol = iota
	protocolTLS
	protocolHTTP
)

// opening is what the first bytes of a connection say.
type opening struct {
	protocol protocol
	// host is the server name of TLS, or the Host header of HTTP with the port that it may have, in lower case. It is empty
	// for protocolOther, and for TLS whose client names no server.
	host string
}

// Limits of what is read before it is clear what a client speaks. A ClientHello with post-quantum keys has two kilobytes.
const (
	maxHello = 16 << 10
	maxHead  = maxHeader
)

// sniff tells from the first bytes of a connection what they begin. When need is not zero it cannot tell before there are so
// many bytes at the least. Once it can, more bytes change nothing.
func sniff(b []byte) (o opening, need int) {
	if len(b) == 0 {
		return opening{}, 1
	}
	if b[0] == recordHandshake {
		return sniffTLS(b)
	}
	return sniffHTTP(b)
}

// readOpening reads from a connection until it is clear what it begins, and returns all that was read. Who has not made that
// clear at the connection's deadline, or says no more, speaks protocolOther: perhaps the server is to speak first. An error
// means that the connection is gone.
func readOpening(conn net.Conn) (o opening, early []byte, err error) {
	early = make([]byte, 0, 2<<10)
	for need := 1; need > 0; o, need = sniff(early) {
		for len(early) < need {
			if len(early) == cap(early) {
				early = append(make([]byte, 0, 2*cap(early)), early...)
			}
			n, err := conn.Read(early[len(early):cap(early)])
			early = early[:len(early)+n]
			if errors.Is(err, io.EOF) || timedOut(err) {
				o, _ = sniff(early)
				return o, early, nil
			}
			if err != nil {
				return opening{}, nil, err
			}
		}
	}
	return o, early, nil
}
