package proxy

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// pacedBody is the body of a request. It gives the client time for the next bytes, and no more.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	eof     bool // seen by the one who reads

	mu   sync.Mutex
	over bool // the deadlines of the connection are no longer ours
}

// pace returns r with a paced body when it has one at all: a wrapped http.NoBody would go out as one of unknown length,
// and a request that has one is not repeated when the connection turns out to be closed. The result is a copy, because
// the server still looks at the body of its own. end must be called when the request is over.
func pace(w http.ResponseWriter, r *http.Request) (paced *http.Request, end func()) {
	if r.Body == http.NoBody || r.Method == http.MethodConnect {
		return r, func() {}
	}
	b := &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w)}
	r = r.WithContext(r.Context())
	r.Body = b
	return r, b.end
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.eof { // the request may be over by now, and the server would say so: that is no failure
		return 0, io.EOF
	}
	b.deadline(time.Now().Add(clientStall), false)
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.eof = true
		b.deadline(time.Time{}, true) // the server now waits for the client to leave, which may be long
	}
	return n, err
}

// Close may read what is left of the body, so that the connection can be used again.
func (b *pacedBody) Close() error {
	b.deadline(time.Now().Add(headerTimeout), false)
	return b.ReadCloser.Close()
}

// deadline sets the client's deadline for the next bytes, the last one when it is over: the transport may still hold the
// body when the connection has gone on to the next request.
func (b *pacedBody) deadline(at time.Time, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		_ = b.control.SetReadDeadline(at)
	}
	b.over = b.over || over
}

// end leaves the server a moment to read what is left of a body that nobody wanted.
func (b *pacedBody) end() { b.deadline(time.Now().Add(headerTimeout), true) }
