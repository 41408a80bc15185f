package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"branchpoint/cache"
)

// refusedError says that a DP does not let us in, or answers what only the client itself can use, such as a redirect. The
// caller passes the client's own request through, so that the client gets the DP's own answer and Windows authentication can
// take place. It Is cache.ErrRefused; and cache.ErrUnreachable too when somebody who might have let us in could not be asked:
// what the cache holds may then be served unchecked.
type refusedError struct {
	status  int    // of the DP's answer
	host    string // host:port of the DP
	unheard bool   // there is somebody who gave no answer
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s does not serve us: status %d", e.host, e.status)
}

// Is makes it what its type says.
func (e *refusedError) Is(target error) bool {
	return target == cache.ErrRefused || e.unheard && target == cache.ErrUnreachable
}

// unreachableError says that no DP could be asked. It Is cache.ErrUnreachable.
type unreachableError struct {
	cause   error // safe to print
	timeout bool
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("%v: %v", cache.ErrUnreachable, e.cause)
}

func (e *unreachableError) Unwrap() []error { return []error{cache.ErrUnreachable, e.cause} }

// Timeout tells 504 from 502: each DP that failed did so by being silent.
func (e *unreachableError) Timeout() bool { return e.timeout }

// timeoutError is a timeout of ours.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }

// Timeout says that it is one.
func (e timeoutError) Timeout() bool { return true }

const (
	errNoAnswer = timeoutError("no answer in time")
	errStalled  = timeoutError("the body stalled")
	errBusy     = timeoutError("as many bodies as are taken at a time are under way")
)

var (
	errShort     = errors.New("the body ends too early")
	errClosed    = errors.New("the pool is closed")
	errGarbled   = errors.New("the answer is not valid HTTP")
	errTokenAway = errors.New("its token endpoint gave no answer, or wants a token that is not at hand")
)

// dialError marks what went wrong before a server could say anything.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// isTimeout tells whether err is a timeout.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// printable returns err when its text is made by this machine, and otherwise an error that says as much as is safe. The
// errors of net/http quote what the server sent, and a server may send back our own token.
func printable(err error) error {
	var (
		dial  dialError
		op    *net.OpError
		cert  *tls.CertificateVerificationError
		errno syscall.Errno
		ours  timeoutError
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &dial):
		return dial.error
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &op):
		return op
	case errors.As(err, &errno):
		return errno
	}
	for _, known := range []error{errShort, errClosed, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	if isTimeout(err) {
		return errNoAnswer
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return errors.New("the connection was closed")
	}
	return errGarbled
}
