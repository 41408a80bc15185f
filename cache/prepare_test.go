package cache

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reload puts new limits into force.
func reload(t testing.TB, c *Cache, config Config) {
	t.Helper()
	commit, err := c.Prepare(config)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

func TestPrepareRefusesAndChangesNothing(t *testing.T) {
	c := newTest(t, Config{MaxBytes: 7 << 20})
	before := *c.limits.Load()
	for name, config := range map[string]Config{
		"budget": {MaxBytes: -1}, "floor": {MinFreeBytes: -1}, "age": {CheckAfter: -1}, "windows": {ParallelWindows: -1}, "window": {WindowBytes: -1},
	} {
		if commit, err := c.Prepare(config); err == nil || commit != nil {
			t.Errorf("%s: Prepare = %v, want an error and nothing to commit", name, err)
		}
	}
	if _, err := c.Prepare(Config{MaxBytes: 1}); err != nil { // never committed
		t.Fatal(err)
	}
	if after := *c.limits.Load(); after != before {
		t.Errorf("the limits were %+v and are %+v", before, after)
	}
}

// TestASmallerBudget: what is too much goes at once, but for what is pinned or in use, and a larger one takes more again.
func TestASmallerBudget(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{Directory: dir, MaxBytes: 17 << 20, scrubEvery: -1})
		awaitCount(t, c)
		sources := map[string]*fakeSource{}
		for i := range 8 {
			name := fmt.Sprint(i)
			sources[name] = newSource(newTruth(uint64(i), 2*sliceBytes))
			fetchAs(t, c, "one", name, sources[name])
		}
		pass(time.Minute) // all is recorded, and nobody holds anything
		c.Pin("0", true)
		used, err := c.Open(t.Context(), Key{Name: "1"}, sources["1"], Use{Length: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer used.Close()
		reload(t, c, Config{MaxBytes: 7 << 20})
		synctest.Wait()
		left := map[string]bool{}
		for _, name := range c.Names() {
			left[name] = true
		}
		if s := c.Status(); s.Bytes > 7<<20 || s.MaxBytes != 7<<20 || !left["0"] || !left["1"] || len(left) != 3 {
			t.Errorf("there are %d of %d bytes, in %v; want the pinned one, the one in use and the last one", s.Bytes, s.MaxBytes, left)
		}
		readWhole(t, used, sources["1"].t)
		reload(t, c, Config{MaxBytes: 17 << 20})
		for name, src := range sources {
			fetchAs(t, c, "one", name, src)
		}
		if n := len(c.Names()); n != len(sources) {
			t.Errorf("%d objects are kept with a larger budget, want all", n)
		}
	})
}

func readWhole(t testing.TB, r *Reader, want truth) {
	t.Helper()
	if _, err := r.WriteRange(&judge{t: want}, 0, r.Info().Size); err != nil {
		t.Fatal(err)
	}
}

func TestReloadOfTheAge(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{Directory: dir, scrubEvery: -1, CheckAfter: time.Hour})
		src := newSource(newTruth(1, 100))
		key := Key{Name: "o", Mutable: true}
		mustFetch(t, c, key, src, 0, -1)
		pass(time.Minute)
		asked := src.requests()
		mustFetch(t, c, key, src, 0, -1)
		if src.requests() != asked {
			t.Error("a young check is made again")
		}
		reload(t, c, Config{CheckAfter: time.Second})
		mustFetch(t, c, key, src, 0, -1)
		if src.requests() == asked {
			t.Error("a check that is too old now is not made again")
		}
	})
}

// TestReloadsWhileEverybodyReads: windows of any size, begun under one configuration and read under another.
func TestReloadsWhileEverybodyReads(t *testing.T) {
	c := newTest(t, Config{WindowBytes: sliceBytes})
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			reload(t, c, Config{
				MaxBytes: int64(64-i%32) << 20, WindowBytes: int64(1+i%7) << 20, ParallelWindows: 1 + i%5, MinFreeBytes: int64(i % 3),
				CheckAfter: time.Duration(1 + i%2),
			})
		}
	})
	var readers sync.WaitGroup
	for client := range 8 {
		readers.Go(func() {
			for i := range 6 {
				src := newSource(newTruth(uint64(i), 20*sliceBytes+int64(i)))
				r, err := c.Open(ctx, Key{Name: fmt.Sprint(i), Mutable: i%2 == 0}, src, Use{Client: fmt.Sprint(client), Length: -1})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := r.WriteRange(&judge{t: src.t}, 0, r.Info().Size); err != nil && err != io.EOF {
					t.Error(err)
				}
				r.Close()
			}
		})
	}
	readers.Wait()
	stop()
	work.Wait()
	checkIndex(t, c)
}

// TestReloadAtTheEnd: a commit that comes together with Close, or after it, does no harm.
func TestReloadAtTheEnd(t *testing.T) {
	c := mustNew(t, Config{Directory: fastDir(t)})
	var work sync.WaitGroup
	work.Go(func() {
		for i := range 1000 {
			reload(t, c, Config{MaxBytes: int64(2000 - i)})
		}
	})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	work.Wait()
	reload(t, c, Config{MaxBytes: 1})
}
