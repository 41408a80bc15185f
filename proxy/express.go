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

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// express has a connection while it brings nothing but plain requests for files that are all on disk; with the first
// request of another kind the connection goes to net/http for good, with every byte that was read of it. The handler is
// the same for both.
//
// It is there because net/http starts a goroutine, a read and a deadline for each request, to notice a client that leaves
// while its request is being answered. A hit needs none of that, and for a file of 4 KiB on one connection it is two
// thirds of the time.
type express struct {
	door *door
	slow *queue

	work    sync.WaitGroup
	mu      sync.Mutex
	closing bool
	conns   map[net.Conn]bool // true while it waits for a request
}

// expressBuffer holds the whole header of a request; a longer one is for net/http.
const expressBuffer = 4 << 10

func newExpress(d *door, address net.Addr) *express {
	return &express{door: d, slow: newQueue(address), conns: map[net.Conn]bool{}}
}

// accept takes clients until the listener ends. It returns nil when it was closed.
func (x *express) accept(ln *limited) error {
	for {
		conn, err := ln.accept()
		if err != nil {
			return err
		}
		if conn == nil {
			return nil
		}
		if x.waiting(conn, headerTimeout) {
			x.work.Go(func() { x.serve(conn) })
		}
	}
}

// serve answers hits until something else comes.
func (x *express) serve(conn net.Conn) {
	in := bufio.NewReaderSize(conn, expressBuffer)
	out := &wire{conn: conn}
	var read []byte
	for {
		if _, err := in.Peek(1); err != nil {
			x.end(conn)
			return
		}
		x.busy(conn)
		buffered, _ := in.Peek(in.Buffered())
		var (
			r *http.Request
			t content.Target
		)
		if end := bytes.Index(buffered, []byte("\r\n\r\n")); end >= 0 {
			read = append(read[:0], buffered[:end+4]...)
			r, t = x.hit(read, conn)
		}
		if r == nil {
			x.pass(conn, slices.Clone(buffered))
			return
		}
		in.Discard(len(read))
		if !x.answer(out, r, t) || !x.waiting(conn, idleTimeout) {
			x.end(conn)
			return
		}
	}
}

// answer runs the handler, and tells whether the connection is good for another request.
func (x *express) answer(out *wire, r *http.Request, t content.Target) (again bool) {
	out.begin(r)
	defer func() {
		if recover() != nil { // the handler has told of it
			again = false
		}
	}()
	x.door.serveNamed(out, r, t)
	return out.finish()
}

// hit returns the request, and what it is for, when it is one that can be answered from the disk at once, nil when it is
// not.
func (x *express) hit(head []byte, conn net.Conn) (*http.Request, content.Target) {
	if !isPlainHead(head) {
		return nil, content.Target{}
	}
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), len(head)))
	if err != nil || !isPlain(r) {
		return nil, content.Target{}
	}
	r.RemoteAddr = conn.RemoteAddr().String()
	p := x.door.p
	if p.admit(newExchange(nil, r, x.door.l), r) != nil {
		return nil, content.Target{}
	}
	t, class := p.classify(r)
	if class != classContent || !x.settled(r.RemoteAddr, t) || !p.config.Cache.Ready(keyOf(t)) {
		return nil, content.Target{}
	}
	return r, t
}

// settled tells whether the client may have the target's content, without anybody being asked now.
func (x *express) settled(client string, t content.Target) bool {
	p := x.door.p
	address, _, err := net.SplitHostPort(client)
	e := exchange{listener: x.door.l, client: address}
	if err == nil && e.ours() {
		return true
	}
	age, known := p.verdict.age(p.verdict.id(t))
	return known && age < p.config.VerdictAge
}

// keyOf is the name of a target in the cache.
func keyOf(t content.Target) cache.Key {
	return cache.Key{Name: t.ID.Name(), Group: t.ID.Group(), Mutable: t.ID.Mutable(), Origin: t.Host}
}

// isPlainHead refuses heads that net/http may take another way than this package would: lines that do not end in CR LF, folded
// lines, control characters, and more than one Host or any length of a body.
func isPlainHead(head []byte) bool {
	hosts := 0
	for line := range bytes.SplitSeq(head[:len(head)-4], []byte("\r\n")) {
		if len(line) == 0 || line[0] == ' ' || line[0] == '\t' ||
			bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return false
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
		case bytes.EqualFold(name, []byte("Content-Length")), bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return false
		}
	}
	return hosts == 1
}

// isPlain tells whether a request is a proxy's GET or HEAD that wants nothing special of the connection.
func isPlain(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Proto != "HTTP/1.1" || !r.URL.IsAbs() || r.URL.User != nil {
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

// waiting notes that a connection waits for a request, for so long. It closes the connection and returns false when the
// proxy is closing.
func (x *express) waiting(conn net.Conn, limit time.Duration) bool {
	_ = conn.SetReadDeadline(time.Now().Add(limit)) // a connection that is gone says so when it is read
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closing {
		conn.Close()
		delete(x.conns, conn)
		return false
	}
	x.conns[conn] = true
	return true
}

func (x *express) busy(conn net.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conns[conn] = false
}

func (x *express) end(conn net.Conn) {
	conn.Close()
	x.forget(conn)
}

func (x *express) forget(conn net.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.conns, conn)
}

// pass gives a connection to net/http.
func (x *express) pass(conn net.Conn, read []byte) {
	x.forget(conn)
	_ = conn.SetReadDeadline(time.Time{})
	x.slow.put(&resumed{conn, read})
}

// close ends the connections that wait for a request, and the others after the answer that they are at.
func (x *express) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closing = true
	for conn, waits := range x.conns {
		if waits {
			conn.Close()
		}
	}
}

// wait returns when every connection has ended or was passed on; when ctx ends they are cut.
func (x *express) wait(ctx context.Context) {
	cut := context.AfterFunc(ctx, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for conn := range x.conns {
			conn.Close()
		}
	})
	x.work.Wait()
	cut()
}
