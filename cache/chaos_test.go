package cache

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A disk that fails in one way after the other, while clients come and go: none of them ever gets an error or a wrong byte,
// and when it is mended the cache is what it would be without.
func TestRandomFaultsWhileClientsRead(t *testing.T) {
	seeds := 2
	if full() {
		seeds = 200
	}
	for seed := range uint64(seeds) {
		dir := fastDir(t)
		synctest.Test(t, func(t *testing.T) { randomFaults(t, dir, seed) })
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func randomFaults(t *testing.T, dir string, seed uint64) {
	faulty := &faultDisk{}
	config := Config{Directory: dir, scrubEvery: time.Minute, MaxBytes: 12 << 20, OpenFiles: 2, openDisk: faulty.open}
	c := mustNew(t, config)
	var clients, breaker sync.WaitGroup
	for i := range uint64(4) {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(seed, i))
			for range 25 {
				name := []string{"kept", "half", "cold", "later", "victim"}[rng.IntN(5)]
				src := newSource(faultTruths[name][0])
				off := rng.Int64N(src.t.info.Size)
				if err := fetch(t.Context(), c, Key{Name: name}, src, off, rng.Int64N(min(3*sliceBytes, src.t.info.Size-off))); err != nil {
					t.Errorf("%s from %d: %v", name, off, err)
				}
				if rng.IntN(8) == 0 {
					c.Remove(name)
				}
				pass(time.Duration(rng.IntN(4000)) * time.Millisecond)
			}
		})
	}
	done := make(chan struct{})
	breaker.Go(func() { breakAndMend(faulty, rand.New(rand.NewPCG(seed, 99)), done) })
	clients.Wait()
	close(done)
	breaker.Wait()
	pass(3 * probeEvery)
	if got := c.Status(); got.State != StateOK {
		t.Errorf("mended: %+v", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	checkQuiet(t, c)
	found := checkDir(t, dir, faultTruths, false)
	c = mustNew(t, config)
	checkAccount(t, c, found)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func breakAndMend(d *faultDisk, rng *rand.Rand, done <-chan struct{}) {
	operations := []string{"create", "open", "list", "read", "write", "remove", "touch", "readat", "writeat", "sync"}
	errs := []error{syscall.EIO, syscall.ENOSPC, errNoDescriptors}
	for {
		rng.Shuffle(len(operations), func(i, j int) { operations[i], operations[j] = operations[j], operations[i] })
		d.breakWith(errs[rng.IntN(len(errs))], operations[:1+rng.IntN(3)]...)
		pass(time.Duration(rng.IntN(3000)) * time.Millisecond)
		d.breakWith(nil)
		select {
		case <-done:
			return
		case <-time.After(time.Duration(rng.IntN(9000)) * time.Millisecond):
		}
	}
}

func TestStatesAreNamedInTheReason(t *testing.T) {
	c := newTest(t, Config{})
	c.health.failed(fmt.Errorf("writing: %w", syscall.EIO))
	if got := c.Status(); got.State != StateFailing || got.Reason != "writing: "+syscall.EIO.Error() || got.Since.IsZero() {
		t.Errorf("got %+v", got)
	}
}
