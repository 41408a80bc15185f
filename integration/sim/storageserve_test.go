package sim

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStorageServesLikeAzure(t *testing.T) {
	l := newSmallLibrary(t)
	s := newTestStorage(t, StorageConfig{Library: l, ContentMD5: true})
	c := newHTTPClient(t, s.config.CA)
	f := mustFile(t, l, testPackage, "setup.exe")
	target, empty := signFor(t, s, f, "c", time.Hour), signFor(t, s, mustFile(t, l, testPackage, "sub/empty"), "c", time.Hour)
	head, _ := mustRequest(t, c, "HEAD", s.URL("https"), target, "Range", "bytes=1-2", "x-ms-client-request-id", "mine")
	data := make([]byte, f.Size)
	if _, err := f.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(data)
	hash, lm, etag := base64.StdEncoding.EncodeToString(sum[:]), f.ModTime.Format(http.TimeFormat), head.Header.Get("ETag")
	for name, want := range map[string]string{
		"Content-MD5": hash, "Last-Modified": lm, "x-ms-version": "2020-12-06", "x-ms-blob-type": "BlockBlob", "x-ms-lease-state": "available",
		"x-ms-lease-status": "unlocked", "x-ms-client-request-id": "mine", "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(f.Size),
		"Server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0", "x-ms-server-encrypted": "true",
	} {
		if got := head.Header.Get(name); got != want || head.StatusCode != 200 {
			t.Errorf("HEAD: %d, %s = %q, want %q", head.StatusCode, name, got, want)
		}
	}
	if !strings.HasPrefix(etag, `"0x8D`) || len(etag) != 19 {
		t.Errorf("ETag %q", etag)
	}
	tests := []struct {
		name, target string
		header       []string
		status       int
		want         string // Content-Range
		start, n     int64
	}{
		{"range", target, []string{"Range", "bytes=5-9"}, 206, fmt.Sprintf("bytes 5-9/%d", f.Size), 5, 5},
		{"x-ms-range first", target, []string{"Range", "bytes=0-0", "x-ms-range", "bytes=5-9"}, 206, fmt.Sprintf("bytes 5-9/%d", f.Size), 5, 5},
		{"to the end", target, []string{"Range", fmt.Sprintf("bytes=%d-", f.Size-7)}, 206, fmt.Sprintf("bytes %d-%d/%d", f.Size-7, f.Size-1, f.Size), f.Size - 7, 7},
		{"suffix", target, []string{"Range", "bytes=-7"}, 200, "", 0, f.Size},
		{"two ranges", target, []string{"Range", "bytes=0-1,5-9"}, 200, "", 0, f.Size},
		{"past the end", target, []string{"Range", "bytes=99999999-"}, 416, fmt.Sprintf("bytes */%d", f.Size), 0, 0},
		{"range of nothing", empty, []string{"Range", "bytes=0-"}, 416, "bytes */0", 0, 0},
		{"nothing", empty, nil, 200, "", 0, 0},
		{"if-match", target, []string{"If-Match", etag, "Range", "bytes=5-9"}, 206, fmt.Sprintf("bytes 5-9/%d", f.Size), 5, 5},
		{"if-match fails", target, []string{"If-Match", `"0x8D"`}, 412, "", 0, 0},
		{"modified", target, []string{"If-Unmodified-Since", "Wed, 05 Apr 2000 20:24:00 GMT"}, 412, "", 0, 0},
		{"none match", target, []string{"If-None-Match", etag}, 304, "", 0, 0},
	}
	for _, tt := range tests {
		resp, body := mustRequest(t, c, "GET", s.URL("https"), tt.target, tt.header...)
		if resp.StatusCode != tt.status || resp.Header.Get("Content-Range") != tt.want {
			t.Errorf("%s: %d %q, want %d %q", tt.name, resp.StatusCode, resp.Header.Get("Content-Range"), tt.status, tt.want)
		}
		whole, ranged := resp.Header.Get("Content-MD5"), resp.Header.Get("x-ms-blob-content-md5")
		if tt.status == 206 && (whole != "" || ranged != hash) || tt.status == 200 && tt.target == target && whole != hash {
			t.Errorf("%s: MD5 %q and %q", tt.name, whole, ranged)
		}
		if tt.status < 300 && (int64(len(body)) != tt.n || f.Mismatch(body, tt.start) >= 0) {
			t.Errorf("%s: %d bytes, wrong from %d", tt.name, len(body), f.Mismatch(body, tt.start))
		}
		if code := resp.Header.Get("x-ms-error-code"); tt.status > 400 && code != azureCode(tt.status) {
			t.Errorf("%s: code %q", tt.name, code)
		}
	}
}
