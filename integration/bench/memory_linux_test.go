package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"branchpoint/integration/sim"
)

const (
	memoryLimit = 100 << 20 // of the whole process, at its highest
	gigabyte    = 1_000_000_000
	gulp        = 4 << 20 // what each reader takes before it pauses
	starts      = 16      // readers of one file begin at so many places
)

// TestMemory holds a thousand downloads of 1 GB files half read at the same time, twice, and lets them all move at once in
// between. A reader takes what it reads at loopback speed and then nothing at all, which is the worst of fast and slow.
func TestMemory(t *testing.T) {
	n := 200
	if full() {
		n = 1000
	}
	o := startOrigin(t, gigabyte, gigabyte, gigabyte, gigabyte)
	s := startBranchpoint(t, "")
	pid := s.cmd.Process.Pid
	idle := memory(t, pid, "VmRSS")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	readers := make([]*reader, n)
	for i := range readers {
		f := o.files[i%len(o.files)]
		place := int64(i / len(o.files) % starts)
		readers[i] = &reader{file: f, off: place * (f.Size / (starts + 1))}
	}
	defer func() {
		for _, r := range readers {
			r.close()
		}
	}()
	together(t, readers, func(r *reader) error { return r.open(ctx, o, s) })
	together(t, readers, (*reader).gulp)
	first := memory(t, pid, "VmRSS")
	together(t, readers, (*reader).gulp)
	second, most := memory(t, pid, "VmRSS"), memory(t, pid, "VmHWM")
	const mib = 1 << 20
	t.Logf("%d readers of 1 GB files, each paused after %d MiB and after %d: %.1f MiB and %.1f MiB resident, %.1f at most; idle %.1f",
		n, gulp/mib, 2*gulp/mib, float64(first)/mib, float64(second)/mib, float64(most)/mib, float64(idle)/mib)
	if most > memoryLimit {
		t.Errorf("%.1f MiB were resident, want at most %d", float64(most)/mib, memoryLimit/mib)
	}
}

// together lets all readers do something at once and waits for all of them.
func together(t *testing.T, readers []*reader, do func(*reader) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i, r := range readers {
		wg.Go(func() {
			if err := do(r); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// reader is a client with one download under way, on a connection of its own.
type reader struct {
	file *sim.File
	off  int64
	body io.ReadCloser // nil before open
}

// open asks for everything from off on.
func (r *reader) open(ctx context.Context, o *origin, s *server) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url(r.file), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.off))
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: s.address}), DisableKeepAlives: true, DialContext: narrow,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	r.body = resp.Body
	if resp.StatusCode != http.StatusPartialContent || resp.ContentLength != r.file.Size-r.off {
		return fmt.Errorf("%s with %d bytes, want %d", resp.Status, resp.ContentLength, r.file.Size-r.off)
	}
	return nil
}

// narrow dials a connection whose receiving end holds little, so that a paused reader soon stops the sender.
func narrow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// gulp reads and compares the next bytes.
func (r *reader) gulp() error {
	err := verify(r.body, r.file, r.off, gulp)
	r.off += gulp
	return err
}

func (r *reader) close() {
	if r.body != nil {
		r.body.Close()
	}
}
