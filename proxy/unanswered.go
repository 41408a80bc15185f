package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// unanswered says that a destination gave no answer, or half of one, in words of ours: the errors of net/http quote what
// the server sent, and may quote the URL, and either may hold a secret.
type unanswered struct{ host, reason string }

func (u *unanswered) Error() string { return "forwarding to " + u.host + ": " + u.reason }

// errNoStatus says that the destination answered with something that is no final status.
var errNoStatus = errors.New("the answer has no final status")

// reason puts an error into a fixed set of words.
func reason(err error) string {
	var (
		forbidden *ForbiddenError
		name      *net.DNSError
		cert      *tls.CertificateVerificationError
		alert     tls.AlertError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &forbidden):
		return "its address is never dialled"
	case timedOut(err):
		return "it did not answer in time"
	case errors.As(err, &name):
		return "its name cannot be resolved"
	case errors.As(err, &cert):
		return "its certificate cannot be verified: " + verdictOn(cert)
	case wantsCertificate(err):
		return "it asks for a client's certificate"
	case errors.As(err, &alert), errors.As(err, &record):
		return "it does not agree to TLS"
	case errors.As(err, &op) && op.Op == "dial":
		return "it does not accept connections"
	case errors.Is(err, errNoStatus):
		return errNoStatus.Error()
	case errors.As(err, &op), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "it closed the connection"
	}
	return "its answer is not valid HTTP"
}

// retryAfter is the Retry-After of an answer that says that a server is away, in seconds.
const retryAfter = "10"

// failure says what the client gets when the destination gives no answer, and how that is counted.
func failure(host string, err error) (status int, result, text string) {
	var (
		forbidden *ForbiddenError
		cert      *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &forbidden):
		return http.StatusForbidden, "failed", "this destination is never served."
	case errors.As(err, &cert):
		return http.StatusBadGateway, "certificate", "the certificate of " + host + " cannot be verified: " + verdictOn(cert)
	case wantsCertificate(err):
		return http.StatusBadGateway, "client_cert", "the destination asks for a certificate that only the client has."
	case timedOut(err):
		return http.StatusGatewayTimeout, "failed", "the destination did not answer in time."
	}
	return http.StatusBadGateway, "failed", "the destination could not be reached."
}

// maxVerdict bounds the text of a certificate's error: a certificate may hold any number of names.
const maxVerdict = 300

// verdictOn says what is wrong with a certificate, in the words of package x509. They are about names and times, some of which
// the server has chosen, so they are kept short and printable.
func verdictOn(cert *tls.CertificateVerificationError) string {
	text := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, cert.Err.Error())
	if len(text) > maxVerdict {
		text = text[:maxVerdict] + "..."
	}
	return text
}

// failed notes why the destination gives no answer, and makes the one of ours. What never can be served is not to be tried
// again. It does not return when it is the client who has gone.
func (f *forwarder) failed(p transit, r *http.Request, err error) *http.Response {
	if r.Context().Err() != nil {
		p.gone()
	}
	f.metrics.forwardFailures.Inc()
	host := hostPort(r)
	status, result, text := failure(host, err)
	p.err, p.result = &unanswered{host, reason(err)}, result
	h := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}, "Via": {"1.1 " + f.config.Via}}
	if status >= 500 {
		h.Set("Retry-After", retryAfter)
	}
	f.demands.noteError(host, err)
	if f.demands.remembers(host) {
		h.Set("Connection", "close") // the next one is tunnelled
	}
	p.mark(h)
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: h, Body: io.NopCloser(strings.NewReader("Branchpoint: " + text + "\n")), ContentLength: -1,
	}
}

// abortBody turns a body that breaks off into a broken connection. Without it the client would see a short body end
// properly.
type abortBody struct {
	io.ReadCloser
	transit transit
	request *http.Request
}

func (b abortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if b.request.Context().Err() != nil {
		b.transit.gone()
	}
	b.transit.err, b.transit.result = &unanswered{hostPort(b.request), "its answer broke off"}, "aborted"
	panic(http.ErrAbortHandler)
}
