package proxy

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// express has a connection while it brings nothing but plain requests for files that are all on disk; with the first
// request of another kind the connection goes to net/http for good, with every byte that was read of it. The handler is
// the same for both.
//
// It is there because net/http starts a goroutine, a read and a deadline for each request, to notice a client that leaves
// while its request is being answered. A hit needs none of that, and for a file of 4 KiB on one connection it is two
// thirds of the time.
type express struct {
	door *Door
	slow *queue
	ctx  context.Context // of all requests; it is cut when wait's ends
	cut  context.CancelFunc

	work    sync.WaitGroup
	mu      sync.Mutex
	closing bool
	conns   map[*traveller]bool // true while it waits for a request
}

// traveller is a connection of express, and what is kept for it from one request to the next.
type traveller struct {
	net.Conn              // what is read and written
	came     net.Conn     // what is closed to end it from elsewhere
	to       *destination // nil: each request says where it leads
	address  string       // with the port
	out      wire
	limit    time.Time       // of the wait for a request
	ctx      context.Context // of all requests, nil before the first
}

// requests is the context of c's requests, which a hit that turns out to be none may need. Such a request does not log in, so
// there is nothing to pin.
func (c *traveller) requests(x *express) context.Context {
	if c.ctx == nil {
		c.ctx = context.WithValue(x.ctx, clientConnKey{}, &clientConn{to: c.to})
	}
	return c.ctx
}

// expressBuffer holds the whole header of a request; a longer one is for net/http.
const expressBuffer = 4 << 10

func newExpress(d *Door, address net.Addr) *express {
	x := &express{door: d, slow: newQueue(address), conns: map[*traveller]bool{}}
	x.ctx, x.cut = context.WithCancel(context.Background())
	return x
}

// attend has something done with a connection, by a goroutine that wait waits for. The connection counts as one that waits
// for a request, so it is closed when the proxy begins to close, and whoever reads is told when nothing comes for
// headerTimeout. What f does with it in the end is its own affair; it may put another connection, such as TLS on top of it,
// in its place. attended is false when the proxy is closing, and then so is the connection.
func (x *express) attend(conn net.Conn, f func(*traveller)) (attended bool) {
	_ = conn.SetReadDeadline(time.Now().Add(headerTimeout)) // a connection that is gone says so when it is read
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closing {
		conn.Close()
		return false
	}
	c := &traveller{Conn: conn, came: conn, address: conn.RemoteAddr().String()}
	x.conns[c] = true
	x.work.Go(func() {
		defer x.forget(c)
		f(c)
	})
	return true
}

// serve answers hits until something else comes.
func (x *express) serve(c *traveller) {
	c.out.conn, c.out.tcp = c.Conn, tcpConn(c.Conn)
	in := bufio.NewReaderSize(c.Conn, expressBuffer)
	for {
		if _, err := in.Peek(1); err != nil {
			x.end(c)
			return
		}
		x.busy(c)
		buffered, _ := in.Peek(in.Buffered())
		end := bytes.Index(buffered, []byte("\r\n\r\n")) + 4
		var hit *exchange
		if end >= 4 {
			hit = x.hit(c, buffered[:end])
		}
		if hit == nil {
			x.pass(c, slices.Clone(buffered))
			return
		}
		in.Discard(end)
		if !x.answer(hit) || !x.waitingAgain(c) {
			x.end(c)
			return
		}
	}
}

// answer runs the handler, and tells whether the connection is good for another request.
func (x *express) answer(e *exchange) (again bool) {
	out := e.w.(*wire)
	defer func() {
		if recover() != nil { // the handler has told of it
			again = false
		}
	}()
	x.door.serveNamed(e, out.request)
	return out.finish()
}

// hit returns the exchange of a request that can be answered from the disk at once, nil when it cannot.
func (x *express) hit(c *traveller, head []byte) *exchange {
	if !isPlainHead(head) {
		return nil
	}
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), len(head)))
	if err != nil || !isPlain(r) {
		return nil
	}
	r = r.WithContext(c.requests(x))
	r.RemoteAddr = c.address
	c.out.begin(r)
	e := newExchange(&c.out, r, x.door)
	p := x.door.p
	if p.admit(e, r, c.to) != nil {
		return nil
	}
	e.target, e.class = p.classify(e, r)
	if e.class != classContent || !p.settled(e) || !p.config.Cache.Ready(e.key()) {
		return nil
	}
	e.ready = true
	return e
}

// isPlainHead refuses heads that net/http's server may take another way than http.ReadRequest does, or would refuse: lines
// that do not end in CR LF, folded lines, control characters, names that are no tokens, more than one Host, and any length
// of a body.
func isPlainHead(head []byte) bool {
	lines := bytes.SplitSeq(head[:len(head)-4], []byte("\r\n"))
	first, hosts := true, 0
	for line := range lines {
		if len(line) == 0 || bytes.ContainsFunc(line, isControl) {
			return false
		}
		if first {
			first = false
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isToken(string(name)) {
			return false
		}
		switch {
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
		case bytes.EqualFold(name, []byte("Content-Length")), bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return false
		}
	}
	return hosts == 1
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isPlain tells whether a request is a GET or HEAD that wants nothing special of the connection.
func isPlain(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Proto != "HTTP/1.1" || r.URL.User != nil {
		return false
	}
	for _, name := range []string{"Expect", "Upgrade", "Te", "Trailer"} {
		if _, ok := r.Header[name]; ok {
			return false
		}
	}
	for _, v := range r.Header["Connection"] {
		if !equalFold(v, "keep-alive") {
			return false
		}
	}
	return true
}

// waitingAgain waits for the next request. The deadline is moved when that makes a difference.
func (x *express) waitingAgain(c *traveller) bool {
	if now := time.Now(); c.limit.Before(now.Add(idleTimeout - time.Second)) {
		c.limit = now.Add(idleTimeout)
		_ = c.SetReadDeadline(c.limit)
	}
	return x.note(c)
}

// note that a connection waits for a request. It returns false when the proxy is closing.
func (x *express) note(c *traveller) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conns[c] = true
	return !x.closing
}

func (x *express) busy(c *traveller) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conns[c] = false
}

func (x *express) end(c *traveller) {
	c.Close()
	x.forget(c)
}

func (x *express) forget(c *traveller) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.conns, c)
}

// pass gives a connection to net/http.
func (x *express) pass(c *traveller, read []byte) {
	x.forget(c)
	_ = c.SetReadDeadline(time.Time{})
	x.slow.put(&resumed{c.Conn, read, c.to})
}

// close ends the connections that wait for a request, and the others after the answer that they are at.
func (x *express) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closing = true
	for c, waits := range x.conns {
		if waits {
			c.came.Close()
		}
	}
}

// wait returns when every connection has ended or was passed on; when ctx ends they are cut.
func (x *express) wait(ctx context.Context) {
	cut := context.AfterFunc(ctx, func() {
		x.cut() // a hit may have turned out to be none, and wait for an origin
		x.mu.Lock()
		defer x.mu.Unlock()
		for c := range x.conns {
			c.came.Close()
		}
	})
	x.work.Wait()
	cut()
	x.cut()
}
