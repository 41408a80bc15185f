package proxy

import (
	"net"
	"sync"
)

// serverBuffer is the size of the buffer in which net/http puts the header of an answer and what fits of its body. Were
// it another one, answers would leave as they do without all this.
const serverBuffer = 4 << 10

// gatherer is a client's connection that sends the header of an answer together with its body. net/http writes a full
// buffer first, with the header and the beginning of the body, and then the rest: two system calls, two packets, and a
// client that wakes up twice. For a small file that is much of what a hit costs.
type gatherer struct {
	net.Conn
	buffers *sync.Pool // of *[serverBuffer]byte

	// Of the one goroutine that writes the answer.
	wanted bool
	held   *[serverBuffer]byte
}

// gather keeps the next write for the one after it, if it is a full buffer. It may be asked for only when at least
// serverBuffer bytes of body follow the header: then net/http has more to write.
func (c *gatherer) gather() { c.wanted = true }

func (c *gatherer) Write(p []byte) (int, error) {
	if c.wanted {
		c.wanted = false
		if len(p) == serverBuffer {
			c.held = c.buffers.Get().(*[serverBuffer]byte)
			return copy(c.held[:], p), nil
		}
	}
	if c.held == nil {
		return c.Conn.Write(p)
	}
	both := net.Buffers{c.held[:], p}
	n, err := both.WriteTo(c.Conn)
	c.buffers.Put(c.held)
	c.held = nil
	return max(0, int(n)-serverBuffer), err
}
