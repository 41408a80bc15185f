package sim

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// failSaying answers with an error whose status line says something of its own, as IIS and gateways do: net/http would
// write its own words there. The connection ends. A server whose connections cannot be had answers with fail.
func (w *recorder) failSaying(status, substatus int, reason string) {
	w.entry.Status, w.entry.Substatus = status, substatus
	page := w.page(w.Header(), status, substatus)
	// As net/http does before it ends a connection: a client that is still sending would find it broken, and not the answer.
	_, _ = io.CopyN(io.Discard, w.body, 256<<10)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.fail(status, substatus)
		return
	}
	if w.answers != nil {
		w.answers(status)
	}
	defer conn.Close() //nolint:errcheck // all is sent, or the client has gone
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	w.Header().Set("Connection", "close")
	if w.entry.Method == http.MethodHead {
		page = ""
	}
	_, _ = fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\n", status, reason)
	_ = w.Header().Write(buffered)
	_, _ = fmt.Fprintf(buffered, "\r\n%s", page)
	if buffered.Flush() == nil {
		w.entry.Bytes = int64(len(page))
	} else {
		w.entry.Win32 = errorNetnameDeleted
	}
}
