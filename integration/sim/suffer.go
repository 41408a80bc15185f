package sim

import (
	"bytes"
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

// sufferEarly lets the faults strike that need no file. It returns true when the request is answered. message is as in
// Fault.applies.
func (o *origin) sufferEarly(w *recorder, r *http.Request, message ...string) bool {
	for _, in := range o.Faults.takeEarly(r.Method, r.RequestURI, message...) {
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
			if in.fault.Reason != "" {
				w.failSaying(in.fault.Status, in.fault.Substatus, in.fault.Reason)
			} else {
				w.fail(in.fault.Status, in.fault.Substatus)
			}
			return true
		case FaultEmpty:
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusOK)
			return true
		case FaultRedirect:
			w.Header().Set("Location", in.fault.To)
			w.fail(http.StatusFound, 0)
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

// sendBytes answers with 200 and a body that is no file, which the faults of bodies may strike.
func (o *origin) sendBytes(w *recorder, r *http.Request, name string, content []byte, message ...string) {
	whole := span{length: int64(len(content))}
	faults := o.Faults.take(func(x *Fault) bool {
		_, within := x.at([]span{whole})
		return x.Kind.strikesBody() && within && x.applies(r.Method, r.RequestURI, message...)
	})
	res := resource{key: name, size: whole.length, body: bytes.NewReader(content)}
	o.newBody(w, r, res, makePlan(faults, []span{whole})).sendOne(http.StatusOK, whole)
}
