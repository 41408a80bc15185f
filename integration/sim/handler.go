package sim

import (
	"fmt"
	"net/http"
	"time"
)

// ServeHTTP answers a request as IIS and the DP's ISAPI extension do.
func (d *DP) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	d.handlers.Add(1)
	d.mu.Unlock()
	defer d.handlers.Done()

	w := newRecorder(rw, r)
	defer func() { d.log.add(w.finish()) }()
	d.counters.request(r.Method)
	w.Header().Set("Server", "Microsoft-IIS/10.0")
	w.Header().Set("X-Powered-By", "ASP.NET")
	d.answer(w, r)
}

func (d *DP) answer(w *recorder, r *http.Request) {
	if done := d.sufferEarly(w, r); done {
		return
	}
	t, err := parseTarget(r.RequestURI)
	if err != nil {
		w.fail(http.StatusNotFound, 0)
		return
	}
	user, no := d.admit(r, t)
	w.entry.User = user
	if c := connOf(r.Context()); c != nil {
		c.serve(user)
	}
	if no.status != 0 {
		for _, challenge := range no.challenges {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		w.fail(no.status, no.substatus)
		return
	}
	d.serveTarget(w, r, t)
}

func (d *DP) serveTarget(w *recorder, r *http.Request, t target) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case "PROPFIND":
		d.servePropfind(w, r, t)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, PROPFIND")
		w.fail(http.StatusMethodNotAllowed, 0)
		return
	}
	res, ok := d.find(t)
	switch {
	case !ok:
		w.fail(http.StatusNotFound, 0)
	case res.folder != nil:
		d.serveFolder(w, r, res.folder)
	default:
		d.serveFile(w, r, res)
	}
}

// sufferEarly lets the faults strike that need no file. It returns true when the request is answered.
func (d *DP) sufferEarly(w *recorder, r *http.Request) bool {
	for _, in := range d.Faults.takeEarly(r.Method, r.RequestURI) {
		switch in.fault.Kind {
		case FaultClose:
			w.Header().Set("Connection", "close")
		case FaultSilence:
			if !hold(r, in) {
				panic(http.ErrAbortHandler)
			}
		case FaultStatus:
			if in.fault.RetryAfter > 0 {
				w.Header().Set("Retry-After", fmt.Sprint(in.fault.RetryAfter))
			}
			w.fail(in.fault.Status, 0)
			return true
		}
	}
	return false
}

// hold waits until a fault is lifted; false means that the client left first.
func hold(r *http.Request, in *Injected) bool {
	select {
	case <-in.lifted:
		return true
	case <-r.Context().Done():
		return false
	}
}

// recorder notes what the log wants to know of a response.
type recorder struct {
	http.ResponseWriter
	entry   Entry
	started time.Time
}

func newRecorder(w http.ResponseWriter, r *http.Request) *recorder {
	rec := &recorder{ResponseWriter: w, started: time.Now()}
	rec.entry = entryOf(r, rec.started)
	return rec
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	w.entry.Status = status
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

// fail answers with an error page like those of IIS, short.
func (w *recorder) fail(status, substatus int) {
	w.entry.Substatus = substatus
	page := fmt.Sprintf("<html><head><title>%d</title></head><body><h2>%d.%d - %s</h2></body></html>\r\n",
		status, status, substatus, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
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
