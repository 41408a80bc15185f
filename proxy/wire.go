package proxy

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wire writes answers to a connection of express. It serves one request after the other, and is their ResponseWriter.
type wire struct {
	conn    net.Conn
	tcp     *net.TCPConn // what is beneath conn when there is nothing in between, otherwise nil
	request *http.Request
	header  http.Header
	status  int
	head    bytes.Buffer // of the answer, until it is out
	held    bytes.Buffer // the beginning of a body whose length is not stated
	sent    bool         // the head is made
	left    int64        // bytes of the body that are still to come, below zero when nobody knows
	last    bool         // the connection ends with this answer
	limit   time.Time    // the connection's deadline for writing
	dated   dated        // the last Date
}

func (w *wire) begin(r *http.Request) {
	if w.header == nil {
		w.header = make(http.Header, 12)
	}
	clear(w.header)
	w.held.Reset()
	*w = wire{conn: w.conn, tcp: w.tcp, head: w.head, held: w.held, limit: w.limit, dated: w.dated, request: r, header: w.header}
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

// Write implements http.ResponseWriter. What comes without a stated length is held back while it is small: its length is
// then known in the end.
func (w *wire) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if !w.sent {
		if _, stated := w.header["Content-Length"]; !stated && w.held.Len()+len(p) <= expressBuffer {
			return w.held.Write(p)
		}
		w.compose()
		if w.held.Len() > 0 {
			if err := w.send(w.held.Bytes()); err != nil {
				return 0, err
			}
		}
	}
	if w.left >= 0 && int64(len(p)) > w.left && w.hasBody() {
		return 0, http.ErrContentLength
	}
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// send writes bytes of the body, behind the head when that is not out yet.
func (w *wire) send(p []byte) error {
	if !w.hasBody() {
		p = nil
	}
	if w.left >= 0 {
		w.left -= int64(len(p))
	}
	head := &w.head
	if len(p) <= expressBuffer && head.Len() > 0 {
		head.Write(p)
		p = nil
	}
	defer head.Reset()
	switch {
	case head.Len() == 0 && len(p) == 0:
		return nil
	case head.Len() == 0:
		_, err := w.conn.Write(p)
		return err
	case len(p) == 0:
		_, err := w.conn.Write(head.Bytes())
		return err
	}
	return w.writeAll(net.Buffers{head.Bytes(), p})
}

// writeAll writes both pieces at once where that can be done: package net does it for connections of its own only.
func (w *wire) writeAll(out net.Buffers) (err error) {
	if conn, ok := w.conn.(*secured); ok {
		_, err = conn.writeAll(out)
	} else if w.tcp != nil {
		_, err = out.WriteTo(w.tcp)
	} else {
		_, err = out.WriteTo(w.conn)
	}
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
	w.head.WriteString("HTTP/1.1 ")
	w.head.Write(strconv.AppendInt(w.head.AvailableBuffer(), int64(w.status), 10))
	w.head.WriteString(" " + http.StatusText(w.status) + "\r\n")
	if w.header["Date"] == nil {
		w.field("Date", w.date(time.Now()))
	}
	for name, values := range w.header {
		for _, value := range values {
			w.field(name, value)
		}
	}
	w.head.WriteString("\r\n")
}

// field writes a field of the head. Some values are an origin's: a line break in one would begin a field of its own.
func (w *wire) field(name, value string) {
	if strings.ContainsAny(value, "\r\n") {
		value = oneLine.Replace(value)
	}
	w.head.WriteString(name)
	w.head.WriteString(": ")
	w.head.WriteString(value)
	w.head.WriteString("\r\n")
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// date returns a time as the Date field has it. It tells whole seconds, in which many answers are given.
func (w *wire) date(now time.Time) string {
	if second := now.Unix(); w.dated.second != second || w.dated.text == "" {
		w.dated = dated{second, now.UTC().Format(http.TimeFormat)}
	}
	return w.dated.text
}

type dated struct {
	second int64
	text   string
}

// finish sends what is still to be sent, and tells whether another answer may follow on the connection.
func (w *wire) finish() bool {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if !w.sent {
		if _, stated := w.header["Content-Length"]; !stated && (w.hasBody() || w.held.Len() > 0) {
			w.header["Content-Length"] = []string{strconv.Itoa(w.held.Len())}
		}
		w.compose()
		if w.send(w.held.Bytes()) != nil {
			return false
		}
	}
	return !w.last && (w.left == 0 || !w.hasBody())
}

func equalFold(value, word string) bool { return strings.EqualFold(strings.TrimSpace(value), word) }
