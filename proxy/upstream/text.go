package upstream

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// askText sends a request for something else than the bytes of a file, and returns the answer under a watchdog. Errors are
// safe to print.
func (p *pool) askText(ctx context.Context, r route, method string, body []byte) (*http.Response, error) {
	wd := p.watch(ctx, p.cfg.HeaderTimeout)
	req := newRequest(wd.ctx, r, query{method: method})
	req.Header.Del("Range")
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		req.Body = http.NoBody
	}
	resp, err := p.conns.RoundTrip(req)
	if err != nil {
		err = printable(wd.cause(err))
		wd.end()
		return nil, err
	}
	wd.headerCame()
	resp.Body = &watchedBody{resp.Body, p, wd}
	return resp, nil
}

// watchedBody is a body under a watchdog.
type watchedBody struct {
	io.ReadCloser
	p  *pool
	wd *watchdog
}

// Read fails in words that are safe to print.
func (b *watchedBody) Read(q []byte) (int, error) {
	b.wd.reading(b.p.cfg.StallTimeout)
	n, err := b.ReadCloser.Read(q)
	b.wd.rested()
	if err != nil && err != io.EOF {
		err = printable(b.wd.cause(err))
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.wd.end()
	return b.ReadCloser.Close()
}
