package ccm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// call is one HTTP request that is sent as a whole and answered as a whole.
type call struct {
	op     string // for errors
	method string
	url    string
	header http.Header
	body   []byte
}

// conditional tells whether 304 is an answer to the call.
func (c call) conditional() bool {
	return c.header.Get("If-None-Match") != "" || c.header.Get("If-Modified-Since") != ""
}

// answer is the answer to a call: its status is 200, or 304 for a conditional call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// carrier sends calls.
type carrier struct {
	transport http.RoundTripper
	timeout   time.Duration // of one call
	limit     int64         // of the body of an answer
	userAgent string
}

// do sends a call. Redirects are not followed. It sends a second time when a connection that had been used before turns
// out to be dead before a byte of the answer came: IIS closes idle connections, and net/http repeats only methods that it
// knows.
func (c carrier) do(ctx context.Context, request call) (answer, error) {
	inTime, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, reused, err := c.send(inTime, request)
	if err != nil && reused && inTime.Err() == nil {
		resp, _, err = c.send(inTime, request)
	}
	if err != nil {
		return answer{}, lost(ctx, request.op, err)
	}
	defer resp.Body.Close()
	body, err := readLimited(resp.Body, c.limit)
	if refused := refusal(request, resp, body); refused != nil {
		return answer{}, refused
	}
	switch {
	case errors.Is(err, errTooLarge):
		return answer{}, nonsense(request.op, errTooLarge)
	case err != nil:
		return answer{}, lost(ctx, request.op, err)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// send sends a call once. reused is true when the connection was not new and nothing had come back on it.
func (c carrier) send(ctx context.Context, request call) (resp *http.Response, reused bool, err error) {
	var used, answered atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn:              func(info httptrace.GotConnInfo) { used.Store(info.Reused) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}
	body := io.Reader(http.NoBody)
	if len(request.body) > 0 {
		body = bytes.NewReader(request.body)
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), request.method, request.url, body)
	if err != nil {
		return nil, false, err
	}
	for name, values := range request.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.userAgent)
	resp, err = c.transport.RoundTrip(req)
	return resp, used.Load() && !answered.Load(), err
}

// lost is the error for an answer that did not come.
func lost(ctx context.Context, op string, cause error) error {
	kind := ErrUnreachable
	if _, ok := errors.AsType[loginFailure](cause); ok {
		kind = ErrLogin
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		kind = context.Canceled
	}
	return &Error{Op: op, Kind: kind, Cause: cause}
}
