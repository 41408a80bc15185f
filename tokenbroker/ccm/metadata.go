package ccm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gregjones/httpcache"
)

// maxMetadata bounds one document. An MP list is some kilobytes.
const maxMetadata = 1 << 20

// metadataPause is how long an old document answers without the server being asked again, after that has failed.
const metadataPause = time.Minute

// memoryStore keeps documents in memory. It is bounded by the few URLs that a Bootstrap asks.
func memoryStore() httpcache.Cache { return httpcache.NewMemoryCache() }

// metadata is one small public document of a server, kept for a time, and for longer when the server fails. Freshness is
// the business of httpcache, which alone would keep 401s, tokens named by Vary, and whatever else it sees: all it gets to
// see is what guard lets through.
type metadata struct {
	op       string
	url      string
	maxAge   time.Duration
	maxStale time.Duration
	store    httpcache.Cache
	carrier  carrier
	bearer   bearer
	// check refuses a document that is not what was asked for, like the page of a captive portal.
	check func(body []byte) error

	flight flight[document]

	mu     sync.Mutex
	resume time.Time // the server is not asked before
	failed error     // why
}

// document is a document as it was got.
type document struct {
	body    []byte
	fetched time.Time
	trouble error // why it is an old one. nil: it is not
}

// get returns the document: from the server, from the store while it is fresh, or an old one from there when the server
// fails.
func (m *metadata) get(ctx context.Context) (document, error) { return m.flight.do(ctx, m.fetch) }

func (m *metadata) fetch(ctx context.Context) (document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, http.NoBody)
	if err != nil {
		return document{}, fmt.Errorf("%s: %w", m.op, err)
	}
	known := m.resting()
	if known != nil {
		req.Header.Set("Cache-Control", "max-stale")
	}
	g := &guard{metadata: m}
	resp, err := (&httpcache.Transport{Transport: g, Cache: m.store}).RoundTrip(req)
	if err != nil {
		return document{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body) // to its end, or it would not be kept
	if err != nil {
		return document{}, fmt.Errorf("%s: %w", m.op, err)
	}
	d := document{body: body, trouble: known}
	d.fetched, _ = httpcache.Date(resp.Header)
	if g.asked {
		d.trouble = m.rest(ctx, g.err)
	}
	return d, nil
}

// resting returns why the server is not asked now. Nil: it is.
func (m *metadata) resting() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Now().Before(m.resume) {
		return m.failed
	}
	return nil
}

// rest notes how asking went, and returns it.
func (m *metadata) rest(ctx context.Context, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resume, m.failed = time.Time{}, err
	if err != nil && ctx.Err() == nil {
		m.resume = time.Now().Add(metadataPause)
	}
	return err
}

// guard is the transport below httpcache for one request: it sends it, and answers with what may be kept and nothing else.
// Every failure is an error there, so that httpcache falls back to what it has instead of dropping it.
type guard struct {
	*metadata
	asked bool
	err   error
}

// RoundTrip asks the server.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	g.asked = true
	header := http.Header{}
	for _, name := range []string{"If-None-Match", "If-Modified-Since"} {
		if v := req.Header.Values(name); len(v) > 0 {
			header[name] = v
		}
	}
	got, err := g.bearer.do(req.Context(), g.carrier, call{op: g.op, method: http.MethodGet, url: g.url, header: header})
	if err == nil && got.status == http.StatusOK {
		err = g.examine(got.body)
	}
	if err != nil {
		g.err = err
		return nil, err
	}
	return &http.Response{
		StatusCode: got.status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header:        g.keepable(got.header),
		Body:          io.NopCloser(bytes.NewReader(got.body)),
		ContentLength: int64(len(got.body)),
	}, nil
}

// examine says what is wrong with a document.
func (g *guard) examine(body []byte) error {
	if len(body) == 0 {
		return &Error{Op: g.op, Kind: ErrRefused, Status: http.StatusOK}
	}
	if err := g.check(body); err != nil {
		return nonsense(g.op, err)
	}
	return nil
}

// keepable is the header of an answer for the store: how to ask for it again, when it came by our clock, and how long it
// is good. A cookie, "private" and "no-store" keep it out.
func (g *guard) keepable(from http.Header) http.Header {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	for _, name := range []string{"Etag", "Last-Modified"} {
		if v := from.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	said := strings.ToLower(strings.Join(from.Values("Cache-Control"), ","))
	switch {
	case from.Get("Set-Cookie") != "", strings.Contains(said, "private"), strings.Contains(said, "no-store"):
		h.Set("Cache-Control", "no-store")
	case strings.Contains(said, "no-cache"):
		h.Set("Cache-Control", fmt.Sprintf("no-cache, stale-if-error=%d", seconds(g.maxStale)))
	default:
		h.Set("Cache-Control", fmt.Sprintf("max-age=%d, stale-if-error=%d", seconds(g.maxAge), seconds(g.maxStale)))
	}
	return h
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
