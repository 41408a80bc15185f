package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
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
