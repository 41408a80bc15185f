package proxy

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wire writes answers to a connection of express. It serves one request after the other, and is their ResponseWriter.
type wire struct {
	conn    net.Conn
	request *http.Request
	header  http.Header
	status  int
	head    bytes.Buffer // of the answer, as it goes out
	sent    bool         // the head is out
	left    int64        // bytes of the body that are still to come, below zero when nobody knows
	last    bool         // the connection ends with this answer
	limit   time.Time    // the connection's deadline for writing
}

func (w *wire) begin(r *http.Request) {
	if w.header == nil {
		w.header = make(http.Header, 12)
	}
	clear(w.header)
	*w = wire{conn: w.conn, head: w.head, limit: w.limit, request: r, header: w.header}
}

// Header implements http.ResponseWriter.
func (w *wire) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The head leaves together with the first bytes of the body.
func (w *wire) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// SetWriteDeadline is for http.ResponseController. A deadline is moved when that makes a difference.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if d := t.Sub(w.limit); d >= 0 && d < time.Second {
		return nil
	}
	w.limit = t
	return w.conn.SetWriteDeadline(t)
}

// Write implements http.ResponseWriter.
func (w *wire) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	first := !w.sent
	if first {
		w.compose()
	}
	switch {
	case !w.hasBody():
		return len(p), w.flush(first)
	case w.left >= 0 && int64(len(p)) > w.left:
		return 0, http.ErrContentLength
	case w.left >= 0:
		w.left -= int64(len(p))
	}
	if !first {
		return w.conn.Write(p)
	}
	if len(p) <= expressBuffer {
		w.head.Write(p)
		return len(p), w.flush(true)
	}
	head := int64(w.head.Len())
	both := net.Buffers{w.head.Bytes(), p}
	n, err := both.WriteTo(w.conn)
	return int(max(0, n-head)), err
}

func (w *wire) flush(first bool) error {
	if !first {
		return nil
	}
	_, err := w.conn.Write(w.head.Bytes())
	return err
}

// hasBody tells whether the answer has a body (RFC 9110, section 6.4.1).
func (w *wire) hasBody() bool {
	return w.request.Method != http.MethodHead && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// compose makes the head. A body without a stated length ends with the connection.
func (w *wire) compose() {
	w.sent, w.left = true, -1
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil {
		w.left = n
	}
	w.last = w.hasBody() && w.left < 0
	for _, v := range w.header["Connection"] {
		w.last = w.last || equalFold(v, "close")
	}
	if w.last {
		w.header.Set("Connection", "close")
	}
	delete(w.header, "Transfer-Encoding") // the length says it, or the end of the connection
	w.head.Reset()
	fmt.Fprintf(&w.head, "HTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
	if w.header["Date"] == nil {
		w.head.WriteString("Date: ")
		w.head.Write(time.Now().UTC().AppendFormat(w.head.AvailableBuffer(), http.TimeFormat))
		w.head.WriteString("\r\n")
	}
	_ = w.header.Write(&w.head) // a buffer takes everything
	w.head.WriteString("\r\n")
}

// finish sends what is still to be sent, and tells whether another answer may follow on the connection.
func (w *wire) finish() bool {
	if !w.sent {
		if _, err := w.Write(nil); err != nil {
			return false
		}
	}
	return !w.last && (w.left == 0 || !w.hasBody())
}

func equalFold(value, word string) bool { return strings.EqualFold(strings.TrimSpace(value), word) }
