package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
)

// TestBITS is a job: HEAD, then ranges that must belong to the same file.
func TestBITS(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(3<<20 + 5)
	s.start("dp1:80", dp)
	c := s.client()
	head := s.ask(c, "HEAD", versioned+"a", "Accept-Encoding: identity", "User-Agent: Microsoft BITS/7.8")
	wantStatus(t, head, 200)
	wantHeader(t, head.Header, "Cache-Status", "Branchpoint; fwd=miss")
	modified := head.Header.Get("Last-Modified")
	var file []byte
	for int64(len(file)) < head.ContentLength {
		to := min(len(file)+400_000, len(dp.data)) - 1
		got := s.ask(c, "GET", versioned+"a", "If-Unmodified-Since: "+modified, fmt.Sprintf("Range: bytes=%d-%d", len(file), to))
		wantStatus(t, got, 206)
		wantHeader(t, got.Header, "Content-Range", fmt.Sprintf("bytes %d-%d/%d", len(file), to, len(dp.data)))
		wantHeader(t, got.Header, "Last-Modified", modified)
		wantHeader(t, got.Header, "Etag", head.Header.Get("Etag"))
		if got.ContentLength < 0 {
			t.Fatal("no Content-Length")
		}
		file = append(file, got.body...)
	}
	if !bytes.Equal(file, dp.data) {
		t.Error("the file differs")
	}
	again := s.ask(c, "HEAD", versioned+"a")
	wantHeader(t, again.Header, "Cache-Status", "Branchpoint; hit")
}

func TestConditionsAndRanges(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(100_000)
	s.start("dp1:80", dp)
	last, whole := len(dp.data)-1, dp.data
	since := dp.modified.UTC().Format(http.TimeFormat)
	before := dp.modified.Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		name   string
		header []string
		status int
		body   []byte // nil: not looked at
		span   string // Content-Range
	}{
		{"whole", nil, 200, whole, ""},
		{"first bytes", []string{"Range: bytes=0-9"}, 206, whole[:10], "bytes 0-9/100000"},
		{"to the end", []string{"Range: bytes=99990-"}, 206, whole[99990:], "bytes 99990-99999/100000"},
		{"beyond the end in part", []string{"Range: bytes=99990-200000"}, 206, whole[99990:], "bytes 99990-99999/100000"},
		{"suffix", []string{"Range: bytes=-10"}, 206, whole[99990:], "bytes 99990-99999/100000"},
		{"suffix longer than the file", []string{"Range: bytes=-1000000"}, 206, whole, "bytes 0-99999/100000"},
		{"empty suffix", []string{"Range: bytes=-0"}, 200, whole, ""},
		{"one byte", []string{fmt.Sprintf("Range: bytes=%d-%d", last, last)}, 206, whole[last:], "bytes 99999-99999/100000"},
		{"beyond the end", []string{"Range: bytes=100000-"}, 416, nil, "bytes */100000"},
		{"far beyond the end", []string{"Range: bytes=9223372036854775806-9223372036854775807"}, 416, nil, "bytes */100000"},
		{"overflow", []string{"Range: bytes=99999999999999999999-"}, 200, whole, ""},
		{"backwards", []string{"Range: bytes=9-5"}, 200, whole, ""},
		{"another unit", []string{"Range: lines=1-2"}, 200, whole, ""},
		{"words", []string{"Range: bytes=a-b"}, 200, whole, ""},
		{"sign", []string{"Range: bytes=+1-5"}, 200, whole, ""},
		{"one bad of two", []string{"Range: bytes=0-1,x"}, 200, whole, ""},
		{"nothing", []string{"Range: bytes="}, 200, whole, ""},
		{"one comma too many", []string{"Range: bytes=,0-9,"}, 206, whole[:10], "bytes 0-9/100000"},
		{"unmodified", []string{"If-Unmodified-Since: " + since, "Range: bytes=0-9"}, 206, whole[:10], "bytes 0-9/100000"},
		{"modified", []string{"If-Unmodified-Since: " + before, "Range: bytes=0-9"}, 412, []byte{}, ""},
		{"match", []string{`If-Match: "dp-1"`}, 200, whole, ""},
		{"no match", []string{`If-Match: "x"`}, 412, []byte{}, ""},
		{"not modified", []string{"If-Modified-Since: " + since}, 304, []byte{}, ""},
		{"none match", []string{`If-None-Match: "dp-1"`}, 304, []byte{}, ""},
		{"if range, same", []string{`If-Range: "dp-1"`, "Range: bytes=0-9"}, 206, whole[:10], "bytes 0-9/100000"},
		{"if range, same date", []string{"If-Range: " + since, "Range: bytes=0-9"}, 206, whole[:10], "bytes 0-9/100000"},
		{"if range, other", []string{`If-Range: "x"`, "Range: bytes=0-9"}, 200, whole, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Once cold and once warm: another file each time, whose bytes are the same.
			url := versioned + strings.ReplaceAll(tt.name, " ", "%20")
			for range 2 {
				got := s.ask(s.client(), "GET", url, tt.header...)
				wantStatus(t, got, tt.status)
				wantHeader(t, got.Header, "Content-Range", tt.span)
				if tt.body != nil {
					wantBody(t, got, tt.body)
				}
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	s := newSite(t, options{})
	s.start("dp1:80", newDP(0))
	c := s.client()
	for _, method := range []string{"GET", "HEAD", "GET"} {
		for _, header := range []string{"Range: bytes=0-9", "Range: bytes=-5", "Accept: */*"} {
			got := s.ask(c, method, versioned+"empty", header)
			wantBody(t, got, []byte{})
			wantStatus(t, got, 200)
			wantHeader(t, got.Header, "Content-Length", "0")
		}
	}
}

// TestManyRanges keeps to what BITS wants of a multipart answer (win32 docs, HTTP Requirements for BITS Downloads): the
// ranges in their order, none merged, at most 180 bytes of headers besides Content-Range and Content-Type in a part, at
// most two line ends before the first boundary.
func TestManyRanges(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(5 << 20)
	s.start("dp1:80", dp)
	c := s.client()
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{2, 10, 600} {
		var spans [][2]int
		var list []string
		for range n {
			from := r.IntN(len(dp.data) - 2000)
			to := from + r.IntN(2000)
			spans, list = append(spans, [2]int{from, to}), append(list, fmt.Sprintf("%d-%d", from, to))
		}
		got := s.ask(c, "GET", versioned+"many", "Range: bytes="+strings.Join(list, ","))
		wantStatus(t, got, 206)
		_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		s.must(err)
		if at := bytes.Index(got.body, []byte("--"+params["boundary"])); at > 2 {
			t.Errorf("%d bytes before the first boundary", at)
		}
		parts := multipart.NewReader(bytes.NewReader(got.body), params["boundary"])
		for i, span := range spans {
			part, err := parts.NextRawPart()
			s.must(err)
			body, err := io.ReadAll(part)
			want := fmt.Sprintf("bytes %d-%d/%d", span[0], span[1], len(dp.data))
			if err != nil || !bytes.Equal(body, dp.data[span[0]:span[1]+1]) || part.Header.Get("Content-Range") != want || len(part.Header) > 2 {
				t.Fatalf("part %d of %d: %d bytes, %v, %v, want %s", i, n, len(body), part.Header, err, want)
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("more than %d parts", n)
		}
	}
}

// scripted origins give a Source of the test's own.
type scripted struct {
	proxy.Origins
	source func(t content.Target) cache.Source
}

func (s scripted) Source(t content.Target) cache.Source { return s.source(t) }

func withSource(source func(content.Target) cache.Source) func(*upstream.Pool) proxy.Origins {
	return func(p *upstream.Pool) proxy.Origins { return scripted{poolOrigins{p}, source} }
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
}

func (s stubborn) Stat(context.Context) (cache.Info, error) { return s.info(), s.stat }

func (s stubborn) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if s.stat != nil {
		return cache.Info{}, nil, s.stat
	}
	info, body, err := s.pattern.Open(ctx, want, off, n)
	if off+n > s.cut {
		body = io.NopCloser(io.MultiReader(io.LimitReader(body, max(s.cut-off, 0)), broken{s.fail}))
	}
	return info, body, err
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

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
			s := newSite(t, options{origins: withSource(func(content.Target) cache.Source {
				return stubborn{pattern: 20 << 20, cut: 9 << 20, fail: err}
			})})
			c := s.raw()
			got := c.send("GET %sa HTTP/1.1\r\nHost: x\r\n\r\n", versioned).answer("GET")
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
	tries := 0
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
	opens *int
}

func (c *changing) Stat(context.Context) (cache.Info, error) { return pattern(3 << 20).info(), nil }

func (c *changing) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if *c.opens++; *c.opens == 1 {
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
