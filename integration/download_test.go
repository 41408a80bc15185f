package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// download fetches [off, off+n) of a file, n below zero the whole without a Range, and checks every byte as it comes.
// It returns when the first byte came.
func download(ctx context.Context, client *http.Client, target string, f *sim.File, off, n int64) (first time.Time, err error) {
	return downloadAfter(ctx, client, target, f, off, n, func() {})
}

// downloadAfter is download with something to do between the first byte and the rest.
func downloadAfter(ctx context.Context, client *http.Client, target string, f *sim.File, off, n int64, begun func()) (first time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return first, err
	}
	status, end := http.StatusOK, f.Size
	if n >= 0 {
		end = off + n
		status = http.StatusPartialContent
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, end-1))
	}
	resp, err := client.Do(req)
	if err != nil {
		return first, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != status || resp.ContentLength != end-off {
		return first, fmt.Errorf("status %s, %d bytes announced, want %d and %d", resp.Status, resp.ContentLength, status, end-off)
	}
	buf := make([]byte, 64<<10)
	for at := off; ; {
		k, err := resp.Body.Read(buf)
		if k > 0 && first.IsZero() {
			first = time.Now()
			begun()
		}
		if i := f.Mismatch(buf[:k], at); i >= 0 {
			return first, wrongByte(at + int64(i))
		}
		at += int64(k)
		if err == io.EOF && at == end {
			return first, nil
		}
		if err != nil {
			return first, fmt.Errorf("after %d of %d bytes: %w", at-off, end-off, err)
		}
	}
}

// head asks what a file is.
func head(t testing.TB, client *http.Client, target string) {
	t.Helper()
	defer client.CloseIdleConnections()
	resp, err := client.Head(target)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("HEAD %s: %s", target, resp.Status)
	}
}

// wrongByte is the place of a byte that is not the file's.
type wrongByte int64

func (at wrongByte) Error() string { return fmt.Sprintf("the byte at %d is wrong", int64(at)) }
