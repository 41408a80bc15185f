package cache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// powerTruths are small objects of one to four slices; one of them changes.
var powerTruths = truths{
	"one":      {newTruth(1, 300<<10)},
	"two":      {newTruth(2, sliceBytes+1000)},
	"four":     {newTruth(3, 3*sliceBytes+5)},
	"changing": {newTruth(4, sliceBytes+7), newTruth(5, sliceBytes+7), newTruth(6, 2*sliceBytes)},
}

func powerKey(name string) Key { return Key{Name: name, Mutable: name == "changing"} }

func TestPowerCuts(t *testing.T) {
	runs := 12
	if full() {
		runs = 1000
	}
	recorded := 0
	for seed := range runs {
		recorded += powerCut(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("in the run with seed %d", seed)
		}
	}
	t.Logf("%d power cuts, %d slices were recorded", runs, recorded)
	if recorded < runs {
		t.Errorf("only %d slices were recorded in %d runs: the test shows little", recorded, runs)
	}
}

// powerCut uses a cache until the plug is pulled, and returns how many slices were found recorded afterwards.
func powerCut(t *testing.T, seed uint64) int {
	rng := rand.New(rand.NewPCG(seed, 11))
	plug := newPlugDisk(seed, 1+rng.IntN(120))
	work, left := fastDir(t), fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Config{
			Directory: work, scrubEvery: -1, CheckAfter: time.Second, MaxBytes: 6 << 20, OpenFiles: 1,
			openDisk: func(string) (disk, error) { return plug, nil },
		})
		var wg sync.WaitGroup
		for client := range uint64(3) {
			wg.Go(func() { usePower(t, c, rand.New(rand.NewPCG(seed, client))) })
		}
		wg.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := plug.materialise(left); err != nil {
		t.Fatal(err)
	}
	found := checkLeft(t, left)
	readAgain(t, left, found)
	n := 0
	for _, slices := range found.slices {
		n += len(slices)
	}
	return n
}

// usePower is one client: every byte that it gets is right, before the cut and after it.
func usePower(t *testing.T, c *Cache, rng *rand.Rand) {
	names := []string{"one", "two", "four", "changing"}
	for range 12 {
		name := names[rng.IntN(len(names))]
		versions := powerTruths[name]
		src := newSource(versions[rng.IntN(len(versions))])
		size := src.t.info.Size
		off := rng.Int64N(size)
		if err := fetch(t.Context(), c, powerKey(name), src, off, rng.Int64N(size-off+1)); err != nil && !errors.Is(err, ErrChanged) &&
			name != "changing" {
			t.Errorf("%s: %v", name, err)
		}
		if rng.IntN(10) == 0 {
			c.Remove(name)
		}
		pass(time.Duration(rng.IntN(1500)) * time.Millisecond)
	}
}

// checkLeft finds every claim that is wrong after a power cut. A record may have outlived its bytes only when both were
// being removed; what it then claims must not pass for true.
func checkLeft(t *testing.T, dir string) onDisk {
	t.Helper()
	return checkDir(t, dir, powerTruths, true)
}

// readAgain opens what is left and reads everything: right bytes, and none again that was recorded.
func readAgain(t *testing.T, dir string, found onDisk) {
	t.Helper()
	c := mustNew(t, Config{Directory: dir, scrubEvery: -1})
	for name, versions := range powerTruths {
		for i, truth := range versions {
			src := newSource(truth)
			key := powerKey(name)
			key.Origin = fmt.Sprint("origin ", i)
			mustFetch(t, c, key, src, 0, -1)
			if found.twice[name] {
				continue // the older of two was being removed
			}
			for _, g := range src.given {
				for s := sliceOf(g.from); s <= sliceOf(g.to-1); s++ {
					if found.has(truth, name, s) {
						t.Errorf("slice %d of %s was recorded and is fetched again", s, name)
					}
				}
			}
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	checkDir(t, dir, powerTruths, false)
}
