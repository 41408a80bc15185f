package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
)

// scripted origins give a Source of the test's own.
type scripted struct {
	proxy.Origins
	source func(t content.Target) cache.Source
}

func (s scripted) Source(t content.Target) cache.Source { return s.source(t) }

func withSource(source func(content.Target) cache.Source) func(*upstream.Pool) proxy.Origins {
	return func(p *upstream.Pool) proxy.Origins { return scripted{p, source} }
}

// pattern is a file whose bytes tell their own offset. It needs no memory.
type pattern int64

func (p pattern) info() cache.Info {
	return cache.Info{Size: int64(p), LastModified: time.Unix(1e9, 0)}
}

func (p pattern) Stat(context.Context) (cache.Info, error) { return p.info(), nil }

func (p pattern) Open(_ context.Context, _ *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if n < 1 || n > int64(p)-off {
		n = int64(p) - off
	}
	return p.info(), io.NopCloser(io.NewSectionReader(p, off, n)), nil
}

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	for i := range b {
		at := uint64(off) + uint64(i)
		b[i] = byte(at ^ at>>8 ^ at>>16 ^ at>>24 ^ at>>32)
	}
	return len(b), nil
}

func TestLargeOffsets(t *testing.T) {
	const size = pattern(40<<30 + 3)
	s := newSite(t, options{origins: withSource(func(content.Target) cache.Source { return size })})
	c := s.client()
	if got := s.ask(c, "HEAD", versioned+"big"); got.ContentLength != int64(size) {
		t.Errorf("HEAD says %d, want %d", got.ContentLength, size)
	}
	for _, off := range []int64{1<<31 - 5, 1<<32 - 5, 1 << 32, 5<<30 + 12345, int64(size) - 10} {
		got := s.ask(c, "GET", versioned+"big", fmt.Sprintf("Range: bytes=%d-%d", off, off+9))
		want := make([]byte, 10)
		size.ReadAt(want, off)
		wantBody(t, got, want)
		wantHeader(t, got.Header, "Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+9, size))
	}
}

// stubborn is a Source that fails as it is told.
type stubborn struct {
	pattern
	stat error
	cut  int64 // where the streams end with fail
	fail error
	when <-chan struct{} // they fail only after it is closed; nil is at once
}

func (s stubborn) Stat(context.Context) (cache.Info, error) { return s.info(), s.stat }

func (s stubborn) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if s.stat != nil {
		return cache.Info{}, nil, s.stat
	}
	info, body, err := s.pattern.Open(ctx, want, off, n)
	if off+n > s.cut {
		body = io.NopCloser(io.MultiReader(io.LimitReader(body, max(s.cut-off, 0)), broken{s.fail, s.when}))
	}
	return info, body, err
}

type broken struct {
	err  error
	when <-chan struct{}
}

func (b broken) Read([]byte) (int, error) {
	if b.when != nil {
		<-b.when
	}
	return 0, b.err
}

type slow struct{ error }

func (slow) Timeout() bool { return true }

func TestErrorsBeforeTheFirstByte(t *testing.T) {
	unreachable := fmt.Errorf("secret detail: %w", cache.ErrUnreachable)
	for name, tt := range map[string]struct {
		source stubborn
		status int
	}{
		"unreachable":        {stubborn{stat: unreachable}, 502},
		"unknown":            {stubborn{stat: errors.New("secret detail")}, 502},
		"silent":             {stubborn{stat: slow{unreachable}}, 504},
		"missing":            {stubborn{stat: cache.ErrMissing}, 404},
		"first byte fails":   {stubborn{pattern: 10 << 20, fail: unreachable}, 502},
		"first byte slow":    {stubborn{pattern: 10 << 20, fail: slow{unreachable}}, 504},
		"first byte changes": {stubborn{pattern: 10 << 20, fail: cache.ErrChanged}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, options{origins: withSource(func(content.Target) cache.Source { return tt.source })})
			c := s.raw()
			for _, method := range []string{"GET", "GET"} {
				got := c.send("%s %sa HTTP/1.1\r\nHost: x\r\n\r\n", method, versioned).answer(method)
				if tt.status == 503 && got.StatusCode == 502 {
					got.StatusCode = 503 // the cache may find sooner than we that the file never stops changing
				}
				wantStatus(t, got, tt.status)
				if (got.Header.Get("Retry-After") != "") != (tt.status >= 500) || bytes.Contains(got.body, []byte("secret")) ||
					got.Header.Get("Etag")+got.Header.Get("Last-Modified") != "" {
					t.Errorf("%v %q", got.Header, got.body)
				}
			}
		})
	}
}

// TestErrorsInTheMiddle: a body that cannot be finished ends the connection.
func TestErrorsInTheMiddle(t *testing.T) {
	for name, err := range map[string]error{"changed": cache.ErrChanged, "unreachable": cache.ErrUnreachable, "other": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{})
			s := newSite(t, options{origins: withSource(func(content.Target) cache.Source {
				return stubborn{pattern: 20 << 20, cut: 9 << 20, fail: err, when: begun}
			})})
			c := s.raw().send("GET %sa HTTP/1.1\r\nHost: x\r\n\r\n", versioned)
			c.r.Peek(1)
			close(begun)
			got := c.answer("GET")
			if got.err == nil || len(got.body) > 9<<20 {
				t.Errorf("%d bytes ended properly (%v)", len(got.body), got.err)
			}
			want := make([]byte, len(got.body))
			pattern(0).ReadAt(want, 0)
			if !bytes.Equal(got.body, want) {
				t.Error("a wrong byte")
			}
			if _, err := c.r.ReadByte(); err == nil {
				t.Error("the connection stays open")
			}
		})
	}
}

// TestOwnAnswerOfTheDP: what the DP refuses is told in its own words, and not kept.
func TestOwnAnswerOfTheDP(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(1000)
	s.start("dp1:80", dp)
	c := s.client()
	for _, status := range []int{401, 403, 302} {
		dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(status)
			fmt.Fprintf(w, "words for %s", r.Method)
		})
		got := s.ask(c, "GET", versioned+"a")
		wantStatus(t, got, status)
		wantHeader(t, got.Header, "WWW-Authenticate", "Bearer")
		wantBody(t, got, []byte("words for GET"))
	}
	dp.answerWith(nil)
	wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
	dp.answerWith(http.NotFound)
	wantStatus(t, s.ask(c, "GET", versioned+"none"), 404)
	dp.answerWith(nil)
	wantBody(t, s.ask(c, "GET", versioned+"none"), dp.data)
}

// TestNewGeneration: a file that changes behind its name is served as it is now, and says so in all its headers.
func TestNewGeneration(t *testing.T) {
	s := newSite(t, options{check: 1})
	dp := newDP(2 << 20)
	s.start("dp1:80", dp)
	c := s.client()
	first := s.ask(c, "GET", mutable+"a")
	wantBody(t, first, dp.data)
	checked := s.ask(c, "GET", mutable+"a")
	wantBody(t, checked, dp.data)
	wantHeader(t, checked.Header, "Cache-Status", "Branchpoint; fwd=stale")
	dp.change(bytesOf(9, 3<<20), "")
	second := s.ask(c, "GET", mutable+"a")
	wantBody(t, second, dp.data)
	wantHeader(t, second.Header, "Etag", "")
	if first.Header.Get("Last-Modified") == second.Header.Get("Last-Modified") {
		t.Error("the date stays")
	}
}

// TestChangedBeforeTheFirstByte: the first try meets the old generation, and nothing of it is seen.
func TestChangedBeforeTheFirstByte(t *testing.T) {
	old := stubborn{pattern: 10 << 20, fail: cache.ErrChanged}
	var tries atomic.Int32
	s := newSite(t, options{origins: withSource(func(content.Target) cache.Source { return &changing{old, &tries} })})
	got := s.ask(s.client(), "GET", versioned+"a")
	want := make([]byte, 3<<20)
	pattern(0).ReadAt(want, 0)
	wantBody(t, got, want)
	wantHeader(t, got.Header, "Etag", "")
}

// changing is one object for the first stream, and then another.
type changing struct {
	old   stubborn
	opens *atomic.Int32
}

func (c *changing) Stat(context.Context) (cache.Info, error) { return pattern(3 << 20).info(), nil }

func (c *changing) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if c.opens.Add(1) == 1 {
		info, body, err := c.old.Open(ctx, want, off, n)
		info.ETag = `"old"`
		return info, body, err
	}
	if want != nil && want.Size != 3<<20 {
		return cache.Info{}, nil, cache.ErrChanged
	}
	return pattern(3<<20).Open(ctx, want, off, n)
}

// TestNoBranchCache: what asks for hashes in the place of bytes does not reach the DP.
func TestNoBranchCache(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(5000)
	s.start("dp1:80", dp)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "peerdist") || r.Header.Get("X-P2P-PeerDist") != "" {
			w.Header().Set("Content-Encoding", "peerdist")
			io.WriteString(w, "hashes")
			return
		}
		dp.file(w, r)
	})
	got := s.ask(s.client(), "GET", versioned+"a", "Accept-Encoding: identity, peerdist", "X-P2P-PeerDist: Version=1.1", "X-P2P-PeerDistEx: MinContentInformation=1.0")
	wantBody(t, got, dp.data)
	wantHeader(t, got.Header, "Content-Encoding", "")
}

// TestRequestsThatGoNowhere have a clear answer.
func TestRequestsThatGoNowhere(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(10)
	s.start("dp1:80", dp)
	for text, status := range map[string]int{
		"GET /x HTTP/1.1\r\nHost: dp1\r\n\r\n":                                           400,
		"GET ftp://dp1/x HTTP/1.1\r\nHost: dp1\r\n\r\n":                                  400,
		"GET http:///x HTTP/1.1\r\nHost: dp1\r\n\r\n":                                    400,
		"GET http:x HTTP/1.1\r\nHost: dp1\r\n\r\n":                                       400,
		"GET http://user:pass@dp1/x HTTP/1.1\r\nHost: dp1\r\n\r\n":                       400,
		"GET " + versioned + "a HTTP/1.1\r\nHost: dp1\r\nVia: 1.0 x, 1.1 here\r\n\r\n":   508,
		"GET http://dp1/x HTTP/1.1\r\nHost: dp1\r\nVia: 1.0 x\r\nVia: 1.1 HERE\r\n\r\n":  508,
		"GET http://dp1/x HTTP/1.1\r\nHost: dp1\r\nVia: 1.1 here2, 1.1 x (here)\r\n\r\n": 200,
	} {
		got := s.raw().send("%s", text).answer("GET")
		wantStatus(t, got, status)
	}
}
