package cache

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// fastDir is a directory in memory where there is one: the tests sync often.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "branchpoint-cache-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newTest opens a cache that closes with the test.
func newTest(t testing.TB, config Config) *Cache {
	t.Helper()
	if config.Directory == "" {
		config.Directory = fastDir(t)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// fetch reads a range through the cache and compares it with the truth.
func fetch(ctx context.Context, c *Cache, key Key, src *fakeSource, off, n int64) error {
	r, err := c.Open(ctx, key, src, Use{Client: "client", Offset: off, Length: n})
	if err != nil {
		return err
	}
	defer r.Close()
	if n < 0 {
		n = r.Info().Size - off
	}
	_, err = r.WriteRange(&judge{t: src.t, off: off}, off, n)
	return err
}

func mustFetch(t testing.TB, c *Cache, key Key, src *fakeSource, off, n int64) {
	t.Helper()
	if err := fetch(t.Context(), c, key, src, off, n); err != nil {
		t.Fatalf("range %d+%d: %v", off, n, err)
	}
}

func TestOneReaderThenAHit(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(1, 10*sliceBytes+12345))
	mustFetch(t, c, Key{Name: "a"}, src, 0, -1)
	before := src.requests()
	mustFetch(t, c, Key{Name: "a"}, src, 0, -1)
	if got := src.requests(); got != before {
		t.Errorf("a hit asked upstream %d times", got-before)
	}
	if total, twice := src.total(); total != src.t.info.Size || twice != 0 {
		t.Errorf("upstream gave %d bytes (%d of them twice), want %d", total, twice, src.t.info.Size)
	}
}

func TestManyReadersOfRandomRanges(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(2, 40*sliceBytes+1))
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			for range 8 {
				off := rng.Int64N(src.t.info.Size)
				n := 1 + rng.Int64N(min(4*sliceBytes, src.t.info.Size-off))
				if err := fetch(t.Context(), c, Key{Name: "b"}, src, off, n); err != nil {
					t.Errorf("range %d+%d: %v", off, n, err)
				}
			}
		})
	}
	wg.Wait()
	if _, twice := src.total(); twice != 0 {
		t.Errorf("upstream gave %d bytes twice", twice)
	}
}

func TestReadAndSeek(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(3, 3*sliceBytes+77))
	r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(&judge{t: src.t}, io.Reader(r)); n != src.t.info.Size || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	for _, to := range []struct {
		offset int64
		whence int
		want   int64
	}{{5, io.SeekStart, 5}, {sliceBytes, io.SeekCurrent, sliceBytes + 5}, {-7, io.SeekEnd, 3*sliceBytes + 70}, {10, io.SeekEnd, 3*sliceBytes + 87}} {
		got, err := r.Seek(to.offset, to.whence)
		if got != to.want || err != nil {
			t.Fatalf("Seek(%d, %d) = %d, %v; want %d", to.offset, to.whence, got, err, to.want)
		}
		if _, err := io.Copy(&judge{t: src.t, off: got}, io.LimitReader(r, 100)); err != nil {
			t.Errorf("after Seek(%d, %d): %v", to.offset, to.whence, err)
		}
		if _, err := r.Seek(to.want, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start succeeded")
	}
	if _, err := r.Seek(0, 9); err == nil {
		t.Error("a seek from nowhere succeeded")
	}
}

func TestARangelessObjectPastABrokenDisk(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(4, 3*sliceBytes))
	src.rangeless = true
	c.health.failed(io.ErrShortWrite)
	for _, off := range []int64{0, 1, 2*sliceBytes + 5} {
		mustFetch(t, c, Key{Name: "o"}, src, off, sliceBytes/2)
	}
}

func TestMetricsCountWhatIsServed(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := newTest(t, Config{Registerer: registry})
	src := newSource(newTruth(5, 2*sliceBytes))
	for range 3 {
		mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			got[family.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"branchpoint_cache_served_bytes_total": 3 * 2 * sliceBytes, "branchpoint_cache_filled_bytes_total": 2 * sliceBytes,
		"branchpoint_cache_objects": 1, "branchpoint_cache_size_bytes": 2*sliceBytes + entryCost, "branchpoint_cache_healthy": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// TestTheLastByteComesWithItsSlice: who has been sent the end of an object is told that it is there when it asks again at once.
func TestTheLastByteComesWithItsSlice(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(12, sliceBytes+300))
	for i := range 200 {
		r, err := c.Open(t.Context(), Key{Name: fmt.Sprint("small ", i)}, src, Use{Length: -1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.WriteRange(io.Discard, 0, sliceBytes+300)
		if present, coming := r.Has(0, -1); err != nil || !present || coming {
			t.Fatalf("object %d, read to its end (%v): present %v, coming %v", i, err, present, coming)
		}
		r.Close()
	}
}
