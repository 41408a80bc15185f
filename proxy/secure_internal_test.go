package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
)

func TestHandshakeFailure(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "remote error", Err: errors.New("tls: unknown certificate authority")}, "refused"},
		{&net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, "refused"},
		{&net.OpError{Op: "local error", Err: errors.New("tls: unexpected message")}, "failed"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{context.DeadlineExceeded, "timeout"},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, "left"},
		{io.EOF, "left"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "failed"},
		{errors.New("tls: client offered only unsupported versions"), "failed"},
	} {
		if got, hint := handshakeFailure(tt.err); got != tt.want || hint == "" {
			t.Errorf("%v: %s (%s), want %s", tt.err, got, hint, tt.want)
		}
	}
}

func TestIsMethod(t *testing.T) {
	for text, want := range map[string]bool{"GET /": true, "PROPF": true, "GE": false, "\x16\x03\x01\x00\x05": false, "get /": false, "\x00\x00\x00": false, "": false} {
		if got := isMethod([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// drips is a connection that keeps the sizes of what is written to it, and fails from one on.
type drips struct {
	net.Conn
	sizes []int
	fails int
}

func (d *drips) Write(p []byte) (int, error) {
	if d.fails > 0 && len(d.sizes) >= d.fails {
		return 0, io.ErrClosedPipe
	}
	d.sizes = append(d.sizes, len(p))
	return len(p), nil
}

// TestCork: a large write leaves in large pieces, and nothing of it is left behind; after a failure there is nothing more.
func TestCork(t *testing.T) {
	d := &drips{}
	p := &Proxy{}
	p.corks.New = newCork
	c := &corked{Conn: d, buffers: &p.corks}
	record := make([]byte, 16<<10+21)
	c.hold()
	for range 24 {
		if n, err := c.Write(record); n != len(record) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := c.letGo(); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i, n := range d.sizes {
		if sum += n; n < corkBytes && i < len(d.sizes)-1 || n > cap(*newCork().(*[]byte)) {
			t.Errorf("a piece of %d bytes", n)
		}
	}
	if sum != 24*len(record) || len(d.sizes) > 7 {
		t.Errorf("%d bytes in %d pieces", sum, len(d.sizes))
	}
	if n, err := c.Write([]byte("now")); n != 3 || err != nil || d.sizes[len(d.sizes)-1] != 3 {
		t.Errorf("what is not held back: %d, %v, %v", n, err, d.sizes)
	}
	d.fails = len(d.sizes)
	c.hold()
	c.Write(record)
	if err := c.letGo(); err == nil {
		t.Error("a failure is lost")
	}
	d.fails = 0
	if _, err := c.Write([]byte("more")); err == nil {
		t.Error("something follows what was lost")
	}
}
