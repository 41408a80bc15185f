package proxy_test

import (
	"net/http"
	"testing"
)

// TestSmoke is the main job: miss, hit, HEAD and range, byte for byte.
func TestSmoke(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(3<<20 + 17)
	s.start("dp1:80", dp)
	c := s.client()
	first := s.ask(c, "GET", versioned+"a.exe")
	wantStatus(t, first, 200)
	wantBody(t, first, dp.data)
	wantHeader(t, first.Header, "Cache-Status", "Branchpoint; fwd=miss; stored")
	asked := len(dp.requests())
	second := s.ask(c, "GET", versioned+"A.EXE")
	wantBody(t, second, dp.data)
	wantHeader(t, second.Header, "Cache-Status", "Branchpoint; hit")
	part := s.ask(c, "GET", versioned+"a.exe", "Range: bytes=1000-1999")
	wantStatus(t, part, 206)
	wantBody(t, part, dp.data[1000:2000])
	head := s.ask(c, "HEAD", versioned+"a.exe")
	wantStatus(t, head, 200)
	if int(head.ContentLength) != len(dp.data) {
		t.Errorf("HEAD says %d bytes, want %d", head.ContentLength, len(dp.data))
	}
	for _, name := range []string{"Etag", "Last-Modified", "Via", "Accept-Ranges", "Content-Type"} {
		if first.Header.Get(name) == "" || first.Header.Get(name) != head.Header.Get(name) {
			t.Errorf("%s: GET %q, HEAD %q", name, first.Header.Get(name), head.Header.Get(name))
		}
	}
	if got := len(dp.requests()); got != asked {
		t.Errorf("hits asked the DP %d times", got-asked)
	}
}

// TestTheEndOfAFile: whether the last bytes are there is to be known before it is said, also when the file is.
func TestTheEndOfAFile(t *testing.T) {
	const asked = "Branchpoint; fwd=miss"
	s := newSite(t, options{})
	dp := newDP(3<<20 + 17)
	s.start("dp1:80", dp)
	c := s.client()
	for _, tt := range []struct{ name, file, method, ranges, status string }{
		{"cold", "a", "GET", "bytes=-500", miss},
		{"warm", "a", "GET", "bytes=-500", hit},
		{"more than is there", "a", "GET", "bytes=-3000000", miss},
		{"more than there is", "a", "GET", "bytes=-9999999", hit},
		{"HEAD", "b", "HEAD", "", asked},
		{"HEAD of the end", "b", "HEAD", "bytes=-500", hit},
		{"after HEAD", "b", "GET", "bytes=-500", miss},
		{"warm, after HEAD", "b", "GET", "bytes=-500", hit},
	} {
		got := s.ask(c, tt.method, versioned+tt.file, "Range: "+tt.ranges)
		if tt.method == "GET" {
			wantStatus(t, got, http.StatusPartialContent)
			wantBody(t, got, dp.data[len(dp.data)-len(got.body):])
		}
		if status := got.Header.Get("Cache-Status"); status != tt.status {
			t.Errorf("%s: %q, want %q", tt.name, status, tt.status)
		}
	}
}
