package sim

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// recorder notes what the log wants to know of a response.
type recorder struct {
	http.ResponseWriter
	entry   Entry
	started time.Time
	page    errorPage
	body    io.Reader        // of the request
	answers func(status int) // called before the client can see an answer; nil: nobody wants to know
}

func newRecorder(w http.ResponseWriter, r *http.Request, page errorPage) *recorder {
	rec := &recorder{ResponseWriter: w, started: time.Now(), page: page, body: r.Body}
	rec.entry = entryOf(r, rec.started)
	return rec
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	w.entry.Status = status
	if w.answers != nil {
		w.answers(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.entry.Bytes += int64(n)
	if err != nil {
		w.entry.Win32 = errorNetnameDeleted
	}
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// errorPage makes the body of an error, and sets the headers that go with it.
type errorPage func(h http.Header, status, substatus int) string

// iisPage is like the pages of IIS, but short.
func iisPage(h http.Header, status, substatus int) string {
	h.Set("Content-Type", "text/html")
	return fmt.Sprintf("<html><head><title>%d</title></head><body><h2>%d.%d - %s</h2></body></html>\r\n",
		status, status, substatus, http.StatusText(status))
}

// fail answers with an error.
func (w *recorder) fail(status, substatus int) {
	w.entry.Substatus = substatus
	page := w.page(w.Header(), status, substatus)
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	w.WriteHeader(status)
	if w.entry.Method != http.MethodHead {
		_, _ = w.Write([]byte(page)) // the log has noted it
	}
}

func (w *recorder) finish() Entry {
	w.entry.Took = time.Since(w.started)
	return w.entry
}
