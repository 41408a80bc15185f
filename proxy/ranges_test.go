package proxy

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"branchpoint/proxy/content"
)

func TestParseRange(t *testing.T) {
	for header, want := range map[string]requested{
		"":                            {true, 0, -1},
		"bytes=0-":                    {true, 0, -1},
		"bytes=5-9":                   {true, 5, 5},
		"bytes= 5 - 9 ":               {true, 5, 5},
		"bytes=-9":                    {true, -9, 0},
		"bytes=7-8,1-2":               {true, 7, 2},
		"bytes=,7-8":                  {true, 7, 2},
		"bytes=-5,1-2":                {true, -5, 0},
		"bytes=0-9223372036854775807": {true, 0, math.MaxInt64},
		"bytes=9223372036854775807-9223372036854775807": {true, math.MaxInt64, 1},
		"bytes=-0":                   {false, 0, -1},
		"bytes=":                     {false, 0, -1},
		"bytes=-":                    {false, 0, -1},
		"bytes=9-5":                  {false, 0, -1},
		"bytes=0-1,9-5":              {false, 0, -1},
		"bytes=9223372036854775808-": {false, 0, -1},
		"bytes=0x1-2":                {false, 0, -1},
		"bytes=--5":                  {false, 0, -1},
		"bytes=1-2-3":                {false, 0, -1},
		"Bytes=1-2":                  {false, 0, -1},
		"bytes=" + strings.Repeat("1-2,", maxRanges):           {false, 0, -1},
		"bytes=" + strings.Repeat("1-2,", maxRanges-1) + "1-2": {true, 1, 2},
	} {
		if got := parseRange(header); got != want {
			t.Errorf("parseRange(%.60q) = %+v, want %+v", header, got, want)
		}
	}
}

// FuzzParseRange compares with what net/http makes of the same header and a file: we must agree on which are valid, or
// what we pass on would be answered otherwise than we have prepared for.
func FuzzParseRange(f *testing.F) {
	for _, header := range []string{"", "bytes=0-9", "bytes=-5", "bytes=5-", "bytes=0-0,-1,7-", "bytes=20-", "bytes=-0", "bytes=9-5",
		"bytes=99999999999999999999-", "bytes=1-2,,", "bytes= 1-2", "bytes=+1-2", "lines=1-2", "bytes=1-x", "bytes=30-x"} {
		f.Add(header)
	}
	data := []byte("0123456789abcdef")
	f.Fuzz(func(t *testing.T, header string) {
		got := parseRange(header)
		if !got.valid && (got.offset != 0 || got.length != -1) || got.length < -1 || (got.offset < 0) != (got.length == 0) {
			t.Fatalf("%+v", got)
		}
		if !got.valid {
			return
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Range"] = []string{header}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		if got.offset < 0 {
			got.offset, got.length = max(0, int64(len(data))+got.offset), -1
		}
		beyond := got.offset >= int64(len(data))
		switch w.Code {
		case http.StatusOK: // no range, or more than the file
		case http.StatusRequestedRangeNotSatisfiable:
			if !beyond {
				t.Errorf("416 to a range that begins at %d", got.offset)
			}
		case http.StatusPartialContent:
			span := w.Header().Get("Content-Range")
			if beyond || span == "" {
				return
			}
			last := int64(len(data)) - 1
			if got.length > 0 {
				last = min(last, got.offset+got.length-1)
			}
			if want := fmt.Sprintf("bytes %d-%d/%d", got.offset, last, len(data)); span != want {
				t.Errorf("net/http serves %s, we expect %s", span, want)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

// FuzzVerdictID: two questions share a verdict only when the credential, the DP and the content are the same.
func FuzzVerdictID(f *testing.F) {
	f.Add("X-A", "1", "2", "X-A", "1, 2", "")
	f.Add("X-A", "1", "", "X-B", "1", "")
	f.Add("A", "bc", "", "Ab", "c", "")
	f.Add("Cookie", "", "", "Cookie", "", "")
	var v verdicts
	v.init(nil) // it asks for no age
	f.Fuzz(func(t *testing.T, name1, a1, b1, name2, a2, b2 string) {
		target := func(name, a, b string) content.Target {
			return content.Target{Scheme: "http", Host: "dp1:80", Header: http.Header{name: {a, b}, "Accept": {b}, "Range": {a}},
				ID: content.ID{Content: "ps100015", Path: a}}
		}
		one, two := target(name1, a1, b1), target(name2, a2, b2)
		ignored := func(name string) bool {
			for _, n := range notCredentials {
				if n == name {
					return true
				}
			}
			return false
		}
		same := name1 == name2 && a1 == a2 && b1 == b2 || ignored(name1) && ignored(name2)
		if (v.id(one) == v.id(two)) != same {
			t.Errorf("the same verdict for %v and %v: %v, want %v", one.Header, two.Header, !same, same)
		}
		for what, change := range map[string]func(*content.Target){
			"scheme":    func(t *content.Target) { t.Scheme = "https" },
			"host":      func(t *content.Target) { t.Host = "dp2:80" },
			"vdir":      func(t *content.Target) { t.Vdir = content.NoCert },
			"content":   func(t *content.Target) { t.ID.Content = "ps100016" },
			"hierarchy": func(t *content.Target) { t.ID.Hierarchy = "x" },
			"share":     func(t *content.Target) { t.ID.Share = content.Signature },
		} {
			if other := target(name1, a1, b1); v.id(other) == v.id(one) {
				if change(&other); v.id(other) == v.id(one) {
					t.Errorf("another %s has the same verdict", what)
				}
			} else {
				t.Error("one question has two names")
			}
		}
	})
}
