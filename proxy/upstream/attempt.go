package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"branchpoint/proxy/content"
	"branchpoint/proxy/hop"
)

// drainLimit and drainTime are how much of an unwanted body is read, and how long, so that its connection can be used again.
const (
	drainLimit = 16 << 10
	drainTime  = 200 * time.Millisecond
)

// attempt asks one DP, by each route that may work.
func (s *source) attempt(ctx context.Context, loc *location, q query) outcome {
	out := s.account(ctx, loc, func() outcome { return s.byAny(ctx, loc, q) })
	if out.verdict == served && q.method == http.MethodGet {
		s.pool.dir.remember(s.target.ID, loc)
	}
	return out
}

// account tells the health of a DP and the metrics what came of asking it. When a body comes with the outcome, the body tells
// them instead, at its end.
func (s *source) account(ctx context.Context, loc *location, ask func() outcome) outcome {
	began := time.Now()
	loc.health.began()
	out := ask()
	switch {
	case out.verdict == failed && s.pool.ended(ctx) != nil:
		out.verdict = canceled
		loc.health.forget()
	case out.verdict == busy:
		loc.health.forget()
	case out.verdict == failed || out.lied:
		loc.health.failed(began, out.err.Error())
	case out.body == nil:
		loc.health.answered()
	}
	if out.body == nil {
		s.pool.metrics.asked(loc, out)
	}
	return out
}

// exchange sends one request and judges the answer. A 416 is followed by a HEAD, which tells what there is.
func (s *source) exchange(ctx context.Context, loc *location, r route, q query) outcome {
	out := s.send(ctx, loc, r, q)
	if out.verdict != unsatisfied {
		return out
	}
	head := q
	head.method, head.off, head.n, head.peek = http.MethodHead, 0, 0, false
	what := s.send(ctx, loc, r, head)
	if what.verdict == served && what.info.Size > q.off {
		return outcome{verdict: failed, status: out.status, lied: true, err: out.err}
	}
	return what
}

// send sends one request. The slot and the watchdog go with the body when there is one to read.
func (s *source) send(ctx context.Context, loc *location, r route, q query) outcome {
	release, err := s.pool.slot(ctx, loc, q)
	if errors.Is(err, errBusy) {
		return outcome{verdict: busy, err: err}
	}
	if err != nil {
		return outcome{err: printable(err)}
	}
	wd := s.pool.watch(ctx, s.pool.cfg.HeaderTimeout)
	out := s.pool.roundTrip(wd, loc, r, q)
	if out.body == nil {
		wd.end()
		release()
		return out
	}
	out.body.release = release
	return out
}

// roundTrip sends a request and judges its answer, under a watchdog.
func (p *pool) roundTrip(wd *watchdog, loc *location, r route, q query) outcome {
	began := time.Now()
	resp, err := p.conns.RoundTrip(newRequest(wd.ctx, r, q))
	if err != nil {
		return outcome{err: printable(wd.cause(err))}
	}
	wd.headerCame()
	p.headerCame(loc, time.Since(began))
	out := judge(q, resp)
	if out.verdict != served || q.method == http.MethodHead || out.end == q.off {
		drain(wd, resp)
		return out
	}
	out.body = &body{pool: p, loc: loc, wd: wd, from: resp.Body, began: began, pos: q.off, end: out.end}
	return out
}

// slot waits for room for one more body from loc, as long as for the header of an answer. A HEAD, or what is asked in its place,
// needs none: somebody is waiting for it.
func (p *pool) slot(ctx context.Context, loc *location, q query) (release func(), err error) {
	if q.method == http.MethodHead || q.peek {
		return func() {}, nil
	}
	patience := time.NewTimer(p.cfg.HeaderTimeout)
	defer patience.Stop()
	select {
	case loc.slots <- struct{}{}:
		return func() { <-loc.slots }, nil
	case <-patience.C:
		return nil, errBusy
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	return nil, context.Canceled
}

// drain reads the little that is left of a body that nobody wants, and closes it. The next DP does not wait long for it.
func drain(wd *watchdog, resp *http.Response) {
	isConn := resp.StatusCode == http.StatusSwitchingProtocols // its body is the connection, and no watchdog ends a read of it
	if resp.ContentLength <= drainLimit && !isConn {
		wd.reading(drainTime)
		io.CopyN(io.Discard, resp.Body, drainLimit)
		wd.rested()
	}
	resp.Body.Close()
}

// newRequest asks for r.raw byte for byte: net/http writes Opaque as it is unless it begins with "//", and nothing that
// names a virtual directory does.
func newRequest(ctx context.Context, r route, q query) *http.Request {
	req := (&http.Request{
		Method: q.method, URL: &url.URL{Scheme: r.scheme, Host: r.host, Opaque: r.raw}, Host: hostHeader(r.endpoint), Header: r.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Close: hop.Binds(r.header),
	}).WithContext(ctx)
	if q.method == http.MethodGet {
		req.Header.Set("Range", q.rangeHeader())
	}
	return req
}

// hostHeader leaves the default port out, as clients do.
func hostHeader(e endpoint) string {
	name := e.name()
	if at, _ := content.HostPort(e.scheme, name); at == e.host {
		return name
	}
	return e.host
}
