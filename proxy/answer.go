package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"branchpoint/cache"
)

// answer turns an error of the content path into what the client gets. Nothing of ours is ever a 4xx that the
// distribution point did not mean: BITS gives a job up at a 4xx and tries again after a 5xx (win32 docs,
// handling-server-application-errors).
func (p *Proxy) answer(e *exchange, r *http.Request, err error) {
	e.err = err
	if mustAsk(e.target) && errors.Is(err, cache.ErrRefused) {
		p.verdict.forget(p.verdict.id(e.target)) // it has ended before its time
	}
	var cert *tls.CertificateVerificationError
	switch {
	case r.Context().Err() != nil:
		e.gone()
	case e.started():
		e.result = "aborted"
		panic(http.ErrAbortHandler) // half an answer must not look whole
	case errors.Is(err, errNotEntitled), errors.Is(err, cache.ErrRefused), errors.Is(err, cache.ErrNoRange):
		// The distribution point's own answer, so that the client can authenticate itself there.
		e.err, e.result = nil, "refused"
		p.forward.serve(e, r)
	case errors.Is(err, cache.ErrMissing):
		e.err, e.result = nil, "missing"
		p.fail(e, http.StatusNotFound, "no distribution point has this file.")
	case errors.As(err, &cert):
		e.result = "certificate"
		p.fail(e, http.StatusBadGateway, "the certificate of a distribution point cannot be verified: "+verdictOn(cert))
	case wantsCertificate(err):
		p.interception.demands.noteError(e.target.Host, err)
		e.Header().Set("Connection", "close") // the next one is tunnelled
		e.result = "client_cert"
		p.fail(e, http.StatusBadGateway, "the distribution point asks for a certificate that only the client has.")
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		p.fail(e, http.StatusGatewayTimeout, "the distribution points did not answer in time.")
	case errors.Is(err, cache.ErrChanged):
		p.fail(e, http.StatusServiceUnavailable, "the file is just changing.")
	default:
		p.fail(e, http.StatusBadGateway, "no distribution point could be reached.")
	}
}

// gone ends the exchange of a client that has left. That is no failure: clients come and go, BITS with every change of its
// network.
func (e *exchange) gone() {
	e.err, e.result = nil, "left"
	panic(http.ErrAbortHandler)
}

// fail sends an answer of our own. Its text is fixed, so that it can hold nothing of the request.
func (p *Proxy) fail(e *exchange, status int, text string) {
	h := e.Header()
	for _, name := range []string{"Etag", "Last-Modified", "Content-Length", "Content-Range", "Accept-Ranges"} {
		h.Del(name)
	}
	if e.result == "" {
		e.result = "failed"
	}
	h.Set("Via", "1.1 "+p.config.Via)
	h.Set("Cache-Status", "Branchpoint; fwd=miss")
	if status >= 500 {
		h.Set("Retry-After", retryAfter)
	}
	http.Error(e, "Branchpoint: "+text, status)
}

// timedOut tells a timeout from other failures, by what net.Error and others have agreed on.
func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
