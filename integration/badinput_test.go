package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// TestBadRequests: what a broken or hostile client sends is refused clearly or answered rightly, never lets a request
// through that it hid in another, and leaves everything as it was for the next client.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	lib, f := library(t, 3<<20+77)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	b := startBox(t, nil, []*sim.DP{dp}, "")
	url := bitsURL(dp, app+".1", f.Path)
	for _, c := range badRequests(url, b.admin) {
		got, err := b.dialRaw().ask(http.MethodGet, c.request)
		if err != nil {
			t.Errorf("%s: no clear answer: %v", c.name, err)
			continue
		}
		checkAnswer(t, c.name, got, c.want, f)
	}
	for _, e := range dp.Log().Entries() {
		if strings.Contains(e.Stem+e.Query, "hidden") {
			t.Errorf("the DP was sent a hidden request: %s %s?%s", e.Method, e.Stem, e.Query)
		}
	}
	if _, err := download(t.Context(), b.client(), url, f, 0, -1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	b.stop()
	auditCache(t, b.cacheDir(), []*sim.File{f})
}

// badRequest is what a client should not send.
type badRequest struct {
	name, request string
	want          []int // statuses that are clear; 200 and 206 are checked byte for byte
}

// badRequests are about the file at url, but for those that try to reach the admin API.
func badRequests(url, admin string) []badRequest {
	smuggled := "GET " + strings.Replace(url, "install.wim", "hidden.bin", 1) + " HTTP/1.1\r\nHost: x\r\n\r\n"
	return []badRequest{
		{"range of letters", rawGet(url, "Range: bytes=a-b\r\n"), []int{200, 416}},
		{"range backwards", rawGet(url, "Range: bytes=9-5\r\n"), []int{200, 416}},
		{"range of another unit", rawGet(url, "Range: lines=1-2\r\n"), []int{200}},
		{"range past the end", rawGet(url, "Range: bytes=99999999999-\r\n"), []int{416}},
		{"range too large for any number", rawGet(url, "Range: bytes=0-99999999999999999999999\r\n"), []int{200, 206, 416}},
		{"negative range", rawGet(url, "Range: bytes=--5\r\n"), []int{200, 416}},
		{"empty range", rawGet(url, "Range: bytes=\r\n"), []int{200, 416}},
		{"suffix of nothing", rawGet(url, "Range: bytes=-0\r\n"), []int{200, 416}},
		{"suffix longer than the file", rawGet(url, "Range: bytes=-999999999\r\n"), []int{200, 206}},
		{"a thousand ranges", rawGet(url, "Range: bytes="+strings.Repeat("0-1,", 999)+"0-1\r\n"), []int{200, 206, 416}},
		{"two Range headers", rawGet(url, "Range: bytes=0-1\r\nRange: bytes=5-9\r\n"), []int{200, 206, 400, 416}},
		{"bare LF", strings.ReplaceAll(rawGet(url, ""), "\r\n", "\n"), []int{200, 400}},
		{"obsolete folding", rawGet(url, "X-A: 1\r\n 2\r\n"), []int{200, 400}},
		{"space before the colon", rawGet(url, "X-A : 1\r\n"), []int{400}},
		{"no name", rawGet(url, ": 1\r\n"), []int{400}},
		{"NUL in a value", rawGet(url, "X-A: a\x00b\r\n"), []int{400}},
		{"bare CR in a value", rawGet(url, "X-A: a\rb\r\n"), []int{200, 400}},
		{"two hosts", rawGet(url, "Host: other.invalid\r\n"), []int{400}},
		{"oversized header", rawGet(url, "X-A: "+strings.Repeat("a", 200_000)+"\r\n"), []int{431}},
		{"too many headers", rawGet(url, strings.Repeat("X-A: a\r\n", 30_000)), []int{431}},
		{"oversized target", rawGet(url+strings.Repeat("a", 200_000), ""), []int{414, 431}},
		{"different Content-Lengths", rawGet(url, "Content-Length: 3\r\nContent-Length: 5\r\n") + "abcde", []int{400}},
		{"negative Content-Length", rawGet(url, "Content-Length: -1\r\n"), []int{400}},
		{"Content-Length of letters", rawGet(url, "Content-Length: 1e3\r\n"), []int{400}},
		{"Content-Length with a sign", rawGet(url, "Content-Length: +3\r\n") + "abc", []int{400}},
		{"unknown transfer coding", rawGet(url, "Transfer-Encoding: frog\r\n"), []int{400, 501}},
		{"chunked twice", rawGet(url, "Transfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n", []int{400, 501}},
		{"broken chunk", rawGet(url, "Transfer-Encoding: chunked\r\n") + "zz\r\n", []int{200, 400}},
		{"a request in a body", rawGet(url, fmt.Sprintf("Content-Length: %d\r\n", len(smuggled))) + smuggled, []int{200, 400}},
		{"no version", "GET " + url + "\r\n\r\n", []int{400}},
		{"HTTP/9.9", strings.Replace(rawGet(url, ""), "1.1", "9.9", 1), []int{400, 505}},
		{"no method", strings.TrimPrefix(rawGet(url, ""), "GET"), []int{400}},
		{"garbage", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", []int{400}},
		{"origin-form", "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		{"fragment", rawGet(url+"#x", ""), []int{200, 400, 404}},
		{"broken escape", rawGet(url+"%zz", ""), []int{400, 404}},
		{"climbing", rawGet(url+"/../../../../etc/passwd", ""), []int{400, 403, 404}},
		{"space in the target", rawGet(url+" x", ""), []int{400}},
		{"our own admin port", rawGet(admin+"/api/v1/status", ""), []int{403}},
		{"a tunnel to our own admin port", "CONNECT " + admin[7:] + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{403}},
	}
}

// checkAnswer wants one of some statuses; bytes of the file must be the file's.
func checkAnswer(t *testing.T, name string, got answer, want []int, f *sim.File) {
	t.Helper()
	ok := false
	for _, status := range want {
		ok = ok || got.status == status
	}
	if !ok {
		t.Errorf("%s: status %d, want one of %v; %.80q", name, got.status, want, got.body)
	}
	switch kind := got.header.Get("Content-Type"); {
	case got.status == http.StatusOK:
		if int64(len(got.body)) != f.Size || f.Mismatch(got.body, 0) >= 0 {
			t.Errorf("%s: a 200 with other bytes than the file's (%d of %d)", name, len(got.body), f.Size)
		}
	case got.status == http.StatusPartialContent && !strings.HasPrefix(kind, "multipart/"):
		var first, last, size int64
		_, err := fmt.Sscanf(got.header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
		if err != nil || size != f.Size || last-first+1 != int64(len(got.body)) || f.Mismatch(got.body, first) >= 0 {
			t.Errorf("%s: a 206 for %q with %d bytes that are not those", name, got.header.Get("Content-Range"), len(got.body))
		}
	}
}

// TestNoRequestHides: a body framed in two ways is read in one way, and what comes after it is not a request that the
// sender's own proxy has not seen. The connection is closed, or the rest is answered as one more request of the same
// client; a DP never gets half of it.
func TestNoRequestHides(t *testing.T) {
	t.Parallel()
	lib, f := library(t, 100_000)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	b := startBox(t, nil, []*sim.DP{dp}, "")
	url := bitsURL(dp, app+".1", f.Path)
	for name, framing := range map[string]string{
		"Content-Length and chunked":      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		"chunked and Content-Length":      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
		"equal Content-Lengths, repeated": "Content-Length: 5\r\nContent-Length: 5\r\n",
	} {
		conn := b.dialRaw()
		got, err := conn.ask(http.MethodPost, strings.Replace(rawGet(dp.URL("http")+"/bits", framing), "GET", "POST", 1)+"0\r\n\r\n")
		if err != nil {
			t.Errorf("%s: no clear answer: %v", name, err)
			continue
		}
		if got.status < 400 {
			t.Errorf("%s: status %d for a POST that no DP takes", name, got.status)
		}
		if next, err := conn.ask(http.MethodGet, rawGet(url, "")); err == nil {
			checkAnswer(t, name+", the next request", next, []int{http.StatusOK}, f)
		}
	}
	for _, e := range dp.Log().Entries() {
		if e.Method != http.MethodPost && e.Method != http.MethodGet && e.Method != http.MethodHead {
			t.Errorf("the DP was sent %q", e.Method)
		}
	}
}
