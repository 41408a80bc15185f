package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// The whole herd is let go at once.
func herd(n int, each func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			each(i)
		})
	}
	close(start)
	wg.Wait()
}

func TestFiftyReadersOfAColdObject(t *testing.T) {
	c := newTest(t, Config{})
	size := int64(100 << 20)
	if raceEnabled && !full() {
		size = 8<<20 + 1
	}
	src := newSource(newTruth(1, size))
	herd(50, func(i int) {
		r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Client: fmt.Sprint(i), Length: -1})
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		// All wait for every byte, one in ten compares it: comparing is what takes the time here.
		w := io.Writer(&judge{t: src.t})
		if i%10 != 0 {
			w = onlyWriter{io.Discard}
		}
		n, err := r.WriteRange(w, 0, size)
		if err != nil || n != size {
			t.Errorf("%d bytes, %v", n, err)
		}
		if o := r.Outcome(); o.Stored+o.Waited+o.Direct != n || o.Direct != 0 {
			t.Errorf("the outcome %+v does not add up to %d", o, n)
		}
	})
	total, twice := src.total()
	t.Logf("upstream gave %.3f times the object", float64(total)/float64(size))
	if float64(total) > 1.02*float64(size) {
		t.Errorf("upstream gave %d bytes (%d twice) for an object of %d", total, twice, size)
	}
}

func TestFiftyRandomRangesOfAColdObject(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(2, 1<<30))
	asked := newBits(1 << 10)
	rng := rand.New(rand.NewPCG(6, 6))
	ranges := make([]span, 50)
	for i := range ranges {
		off := rng.Int64N(1 << 30)
		ranges[i] = span{off, min(off+1+rng.Int64N(3<<20), 1<<30)}
		for s := sliceOf(ranges[i].from); s <= sliceOf(ranges[i].to-1); s++ {
			asked.set(s)
		}
	}
	herd(len(ranges), func(i int) {
		if err := fetch(t.Context(), c, Key{Name: "o"}, src, ranges[i].from, ranges[i].to-ranges[i].from); err != nil {
			t.Error(err)
		}
	})
	total, _ := src.total()
	factor := float64(total) / float64(asked.count(1<<10)<<20)
	t.Logf("upstream gave %.3f times the slices that were asked for", factor)
	if factor > 1.05 {
		t.Errorf("upstream gave %d bytes for %d slices", total, asked.count(1<<10))
	}
}

func TestAHerdAsksOnce(t *testing.T) {
	c := newTest(t, Config{})
	for round := range 50 {
		src := newSource(newTruth(3, 100))
		herd(20, func(int) {
			if err := fetch(t.Context(), c, Key{Name: fmt.Sprint(round)}, src, 0, -1); err != nil {
				t.Error(err)
			}
		})
		if got := src.requests(); got != 1 {
			t.Fatalf("20 readers of a cold small object asked upstream %d times", got)
		}
	}
}

// Readers that leave in the middle leave nothing behind: no reference, no reservation, no half slice that looks whole.
func TestReadersThatLeave(t *testing.T) {
	dir := fastDir(t)
	c := mustNew(t, Config{Directory: dir})
	src := newSource(newTruth(4, 30*sliceBytes+17))
	herd(20, func(i int) {
		rng := rand.New(rand.NewPCG(uint64(i), 8))
		for range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := c.Open(ctx, Key{Name: "o"}, src, Use{Length: -1})
			if err != nil {
				cancel()
				t.Error(err)
				continue
			}
			off := rng.Int64N(src.t.info.Size)
			leaving := &leaver{judge{src.t, off}, 1 + rng.Int64N(4*sliceBytes), cancel}
			if _, err := r.WriteRange(leaving, off, src.t.info.Size-off); err != nil && !errors.Is(err, errLeft) && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			r.Close()
			cancel()
		}
	})
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	if _, twice := src.total(); twice != 0 {
		t.Errorf("%d bytes were fetched twice", twice)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	checkQuiet(t, c)
	checkDir(t, dir, truths{"o": {src.t}}, false)
}

var errLeft = errors.New("the client has left")

// leaver is a client that goes away after some bytes, half of them by a broken connection.
type leaver struct {
	judge
	after  int64
	cancel context.CancelFunc
}

func (l *leaver) Write(p []byte) (int, error) {
	n, err := l.judge.Write(p)
	if l.after -= int64(n); l.after > 0 || err != nil {
		return n, err
	}
	if l.cancel(); len(p)%2 == 0 {
		return n, nil
	}
	return n, errLeft
}
