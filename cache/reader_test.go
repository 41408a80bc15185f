package cache

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
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
