package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"branchpoint/cache"
)

// content answers a request for a file from the cache. When upstream turns out to have another object before the client
// has been sent anything, it starts again with that one.
func (p *Proxy) content(e *exchange, r *http.Request) error {
	if err := p.entitled(e, r, e.target); err != nil {
		return err
	}
	ranges := parseRange(r.Header.Get("Range"))
	if !ranges.valid {
		r = withoutRange(r) // IIS ignores what it does not understand, and so do we
	}
	src := &watched{source: sync.OnceValue(func() cache.Source { return p.config.Origins.Source(e.target) })}
	if !e.ready {
		src.source()
	}
	key := e.key()
	use := cache.Use{Client: e.client, Offset: ranges.offset, Length: ranges.length}
	if r.Method == http.MethodHead {
		use.Offset, use.Length = 0, 0
	}
	for again := true; ; again = false {
		err := p.deliver(e, r, key, src, use)
		if err == nil && p.terms.Load().authority != nil {
			p.interception.serving.note(e.target.Host)
		}
		if again && errors.Is(err, cache.ErrChanged) && !e.started() {
			continue
		}
		return err
	}
}

// deliver sends what the request asks for from one generation of the object.
func (p *Proxy) deliver(e *exchange, r *http.Request, key cache.Key, src *watched, use cache.Use) error {
	ctx, cancel := context.WithCancel(r.Context())
	reader, err := p.config.Cache.Open(ctx, key, src, use)
	if err != nil {
		cancel()
		return err
	}
	body := &body{Reader: reader}
	defer func() {
		cancel() // a reader that waits in another goroutine ends, so that body.close does
		body.close()
		e.outcome = reader.Outcome()
	}()
	info := reader.Info()
	if use.Offset < 0 { // the last so many bytes
		use.Offset, use.Length = max(0, info.Size+use.Offset), -1
	}
	e.result = result(reader, use, src)
	header := e.Header()
	clear(header) // of the generation that was tried before
	header["Via"] = p.via
	header["Cache-Status"] = cacheStatus[e.result]
	header["Content-Type"] = octetStream
	if info.ContentType != "" {
		header.Set("Content-Type", info.ContentType)
	}
	if info.ETag != "" {
		header.Set("Etag", info.ETag)
	}
	if info.Size == 0 {
		r = withoutRange(r) // net/http would answer "the last n bytes" with an impossible Content-Range
	}
	d := &delivery{e: e, body: body}
	http.ServeContent(d, r, "", info.LastModified, body)
	if d.err == nil {
		d.sendHeader()
	}
	return d.err
}

func withoutRange(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	return r
}

// cacheStatus is what we tell of an answer's origin (RFC 9211).
var cacheStatus = map[string][]string{
	"hit":       {"Branchpoint; hit"},
	"checked":   {"Branchpoint; fwd=stale"}, // it is here, and the distribution point was asked whether it still holds
	"collapsed": {"Branchpoint; fwd=miss; collapsed"},
	"miss":      {"Branchpoint; fwd=miss; stored"},
	"asked":     {"Branchpoint; fwd=miss"}, // HEAD
}

// octetStream is what a file is when its origin does not say. Nobody changes it.
var octetStream = []string{"application/octet-stream"}

// result tells whether what the client asks for is there, and if not, who gets it.
func result(r *cache.Reader, use cache.Use, src *watched) string {
	if use.Length == 0 {
		if src.stat.Load() {
			return "asked"
		}
		return "hit"
	}
	present, coming := r.Has(use.Offset, use.Length)
	switch {
	case src.opened.Load(): // even a file that has come in the meantime was not there
		return "miss"
	case present && src.stat.Load():
		return "checked"
	case present:
		return "hit"
	case coming:
		return "collapsed"
	}
	return "miss"
}

// watched is a Source that knows whether this request has asked it. The cache asks one that it knows nothing of to Open,
// and one that it checks to Stat.
type watched struct {
	source       func() cache.Source // made when it is first needed: a hit needs none
	stat, opened atomic.Bool
}

// Stat implements cache.Source.
func (w *watched) Stat(ctx context.Context) (cache.Info, error) {
	w.stat.Store(true)
	return w.source().Stat(ctx)
}

// Open implements cache.Source.
func (w *watched) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	w.opened.Store(true)
	return w.source().Open(ctx, want, off, n)
}

// body is what http.ServeContent reads. For several ranges it reads in a goroutine of its own, which may still be at it
// when ServeContent has returned; close waits for it.
type body struct {
	*cache.Reader

	mu     sync.Mutex
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errors.New("proxy: the answer has ended")
	}
	return b.Reader.Read(p)
}

func (b *body) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.Reader.Close()
}

// delivery is the ResponseWriter that http.ServeContent sees. It is where "which bytes" becomes "how they leave":
// ServeContent copies a range by io.CopyN, which hands ReadFrom the reader and the length, and from there the cache
// writes to the client itself. The status is held back until the first byte is at hand, so that an error can still be
// told as one.
type delivery struct {
	e      *exchange
	body   *body
	status int // not yet sent, zero when it was
	err    error
}

func (d *delivery) Header() http.Header { return d.e.Header() }

func (d *delivery) WriteHeader(status int) { d.status = status }

func (d *delivery) sendHeader() {
	if d.status != 0 {
		d.e.WriteHeader(d.status)
		d.status = 0
	}
}

func (d *delivery) Write(p []byte) (int, error) {
	d.sendHeader()
	return d.e.Write(p)
}

// ReadFrom is called by io.CopyN.
func (d *delivery) ReadFrom(src io.Reader) (n int64, err error) {
	if l, ok := src.(*io.LimitedReader); ok && l.R == io.Reader(d.body) {
		off, _ := d.body.Seek(0, io.SeekCurrent)
		n, err = d.body.WriteRange(onlyWrite{d}, off, l.N)
	} else {
		n, err = io.Copy(onlyWrite{d}, src)
	}
	d.err = err
	return n, err
}

// onlyWrite hides ReadFrom.
type onlyWrite struct{ io.Writer }
