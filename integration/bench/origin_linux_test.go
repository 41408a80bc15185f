package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// app is the content that everything is part of.
const app = "Content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"

// origin is a distribution point with files of the given sizes. Its bytes are computed, so it costs no disk.
type origin struct {
	ca    *sim.CA // of its https
	dp    *sim.DP
	files []*sim.File
}

func startOrigin(t *testing.T, sizes ...int64) *origin {
	t.Helper()
	library := sim.NewLibrary()
	var specs []sim.FileSpec
	for i, size := range sizes {
		specs = append(specs, sim.FileSpec{Path: fmt.Sprintf("files/%d-%d.bin", i, size), Size: size})
	}
	version, err := library.Publish(app, specs...)
	must(t, err)
	ca, err := sim.NewCA()
	must(t, err)
	dp, err := sim.NewDP(sim.DPConfig{Name: "origin", Library: library, CA: ca, HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0"})
	must(t, err)
	must(t, dp.Start())
	t.Cleanup(func() { dp.Close() })
	o := &origin{ca: ca, dp: dp}
	for _, spec := range specs {
		f, ok := version.File(spec.Path)
		if !ok {
			t.Fatalf("the origin lacks %s", spec.Path)
		}
		o.files = append(o.files, f)
	}
	return o
}

// url names a file in the direct spelling. The usual one has a query, which other caches treat as a sign of dynamic
// content.
func (o *origin) url(f *sim.File) string {
	return o.dp.Location(sim.VdirPlain, app+".1") + "/" + f.Path
}

// host is what the caches have to ask: host:port.
func (o *origin) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(o.dp.URL("http"))
	must(t, err)
	return u.Host
}

// get fetches a file through a cache and compares every byte. It returns the cipher suite, zero without TLS.
func (o *origin) get(t *testing.T, s *server, f *sim.File) (suite uint16) {
	t.Helper()
	target := o.url(f)
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	if s.pair == nil {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: s.address})
	} else {
		target = "https://" + s.address + strings.TrimPrefix(target, o.dp.URL("http"))
		transport.TLSClientConfig = s.pair.trusting()
	}
	resp, err := (&http.Client{Transport: transport}).Get(target)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != f.Size {
		t.Fatalf("%s answers %s with %d bytes for a file of %d", s.name, resp.Status, resp.ContentLength, f.Size)
	}
	must(t, verify(resp.Body, f, 0, f.Size))
	if resp.TLS != nil {
		suite = resp.TLS.CipherSuite
	}
	return suite
}

// verify reads n bytes, which must be those of the file from off on.
func verify(r io.Reader, f *sim.File, off, n int64) error {
	buf := make([]byte, 64<<10)
	for end := off + n; off < end; {
		k, err := io.ReadFull(r, buf[:min(int64(len(buf)), end-off)])
		if i := f.Mismatch(buf[:k], off); i >= 0 {
			return fmt.Errorf("the byte at %d of %s is wrong", off+int64(i), f.Path)
		}
		if err != nil {
			return fmt.Errorf("reading %s at %d: %w", f.Path, off+int64(k), err)
		}
		off += int64(k)
	}
	return nil
}
