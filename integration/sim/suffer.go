package sim

import (
	"fmt"
	"net/http"
)

// serve lets the owner answer a request, and notes it.
func (o *origin) serve(rw http.ResponseWriter, r *http.Request, answer func(*recorder, *http.Request)) {
	o.open.Lock()
	if o.closed {
		o.open.Unlock()
		panic(http.ErrAbortHandler)
	}
	o.handlers.Add(1)
	o.open.Unlock()
	defer o.handlers.Done()

	w := newRecorder(rw, r, o.setup.page)
	defer func() { o.setup.log.add(w.finish()) }()
	o.setup.counters.request(r.Method)
	answer(w, r)
}

// sufferEarly lets the faults strike that need no file. It returns true when the request is answered.
func (o *origin) sufferEarly(w *recorder, r *http.Request) bool {
	for _, in := range o.Faults.takeEarly(r.Method, r.RequestURI) {
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
