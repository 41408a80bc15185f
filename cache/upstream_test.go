package cache

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func (s *fakeSource) counts() (stats, opens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats, s.opens
}

func TestObjectsOfEverySize(t *testing.T) {
	c := newTest(t, Config{})
	for i, size := range []int64{0, 1, sliceBytes - 1, sliceBytes, sliceBytes + 1, 8 * sliceBytes, 8*sliceBytes + 7} {
		src := newSource(newTruth(uint64(i), size))
		key := Key{Name: src.t.info.ETag}
		mustFetch(t, c, key, src, 0, -1)
		mustFetch(t, c, key, src, size, 0)
		mustFetch(t, c, key, src, size/2, size-size/2)
		if total, twice := src.total(); total != size || twice != 0 {
			t.Errorf("size %d: upstream gave %d bytes, %d of them twice", size, total, twice)
		}
	}
}

func TestARangelessObjectIsReadableFromAnyOffset(t *testing.T) {
	for _, off := range []int64{0, 1, 3 * sliceBytes, 20*sliceBytes + 5} {
		c := newTest(t, Config{})
		src := newSource(newTruth(3, 21*sliceBytes))
		src.rangeless = true
		mustFetch(t, c, Key{Name: "rangeless"}, src, off, -1)
		mustFetch(t, c, Key{Name: "rangeless"}, src, 0, -1)
		if _, opens := src.counts(); opens > 20 {
			t.Errorf("from %d: %d requests", off, opens)
		}
	}
}

func TestARangelessObjectForManyReadersAtOnce(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(4, 33*sliceBytes))
	src.rangeless = true
	var wg sync.WaitGroup
	for i := range int64(30) {
		wg.Go(func() {
			if err := fetch(t.Context(), c, Key{Name: "rangeless"}, src, i*sliceBytes, 2*sliceBytes); err != nil {
				t.Errorf("slice %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestAStreamThatGoesOnIsUsed(t *testing.T) {
	c := newTest(t, Config{ParallelWindows: 1})
	src := newSource(newTruth(5, 30*sliceBytes))
	src.whole = true
	mustFetch(t, c, Key{Name: "whole"}, src, 0, -1)
	if _, opens := src.counts(); opens > 2 {
		t.Errorf("%d requests for an object that came whole with the first", opens)
	}
}

func TestWildHintsAndRanges(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(6, 3*sliceBytes))
	uses := []Use{
		{Offset: math.MaxInt64, Length: math.MaxInt64}, {Offset: 5, Length: math.MaxInt64},
		{Offset: math.MinInt64, Length: math.MinInt64}, {Offset: -1, Length: 1}, {Offset: 1 << 50, Length: -1},
	}
	for _, use := range uses {
		c.Remove("wild")
		r, err := c.Open(t.Context(), Key{Name: "wild"}, src, use)
		if err != nil {
			t.Fatalf("%+v: %v", use, err)
		}
		for _, rg := range [][2]int64{{-1, 1}, {0, -1}, {1, math.MaxInt64}, {math.MaxInt64, 1}, {0, 3*sliceBytes + 1}} {
			if n, err := r.WriteRange(&judge{t: src.t}, rg[0], rg[1]); n != 0 || err == nil {
				t.Errorf("WriteRange(%d, %d) = %d, %v; want a refusal", rg[0], rg[1], n, err)
			}
		}
		if present, _ := r.Has(1, math.MaxInt64); present && use.Offset > sliceBytes {
			t.Error("a range to the end of a cold object is said to be there")
		}
		if _, err := r.WriteRange(&judge{t: src.t}, 0, 3*sliceBytes); err != nil {
			t.Errorf("%+v: %v", use, err)
		}
		r.Close()
		r.Close()
	}
}

func TestAnAbsurdSizeIsRefused(t *testing.T) {
	c := newTest(t, Config{})
	for _, size := range []int64{-1, 1 << 62, math.MaxInt64} {
		src := newSource(newTruth(7, size))
		if err := fetch(t.Context(), c, Key{Name: "absurd"}, src, 0, 1); err == nil {
			t.Errorf("an object of %d bytes was opened", size)
		}
	}
}

func TestErrorsOfTheSourceReachTheReader(t *testing.T) {
	for _, want := range []error{ErrMissing, ErrRefused, ErrUnreachable, errors.New("another one")} {
		c := newTest(t, Config{})
		src := newSource(newTruth(8, 9*sliceBytes))
		src.err = want
		if err := fetch(t.Context(), c, Key{Name: "failing"}, src, 0, -1); !errors.Is(err, want) {
			t.Errorf("opening: got %v, want %v", err, want)
		}
		src.set(func(s *fakeSource) { s.err, s.cutAt, s.cutErr = nil, 5*sliceBytes+100, want })
		if err := fetch(t.Context(), c, Key{Name: "failing"}, src, 0, -1); !errors.Is(err, want) {
			t.Errorf("reading: got %v, want %v", err, want)
		}
		src.set(func(s *fakeSource) { s.cutAt = -1 })
		mustFetch(t, c, Key{Name: "failing"}, src, 0, -1)
	}
}

func TestWhatIsMissingInTheMiddleIsForgotten(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(9, 9*sliceBytes))
	mustFetch(t, c, Key{Name: "vanishing"}, src, 0, sliceBytes)
	src.set(func(s *fakeSource) { s.err = ErrMissing })
	if err := fetch(t.Context(), c, Key{Name: "vanishing"}, src, 5*sliceBytes, 1); !errors.Is(err, ErrMissing) {
		t.Fatalf("got %v, want ErrMissing", err)
	}
	if _, err := c.Open(t.Context(), Key{Name: "vanishing"}, src, Use{}); !errors.Is(err, ErrMissing) {
		t.Errorf("opening what is known to be missing: got %v, want ErrMissing", err)
	}
}

// stubborn lets its callers wait, and has the same error for them all.
type stubborn struct {
	*fakeSource
	err     error
	entered chan struct{}
	leave   chan struct{}
}

func (s *stubborn) Stat(context.Context) (Info, error) {
	s.entered <- struct{}{}
	<-s.leave
	return Info{}, s.err
}

// What one DP refuses or does not have says nothing of what another client's does.
func TestOthersBeingRefusedDoesNotRefuseMe(t *testing.T) {
	for _, err := range []error{ErrRefused, ErrMissing} {
		t.Run(err.Error(), func(t *testing.T) { othersAreTold(t, err) })
	}
}

func othersAreTold(t *testing.T, told error) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		good := newSource(newTruth(10, 100))
		bad := &stubborn{good, told, make(chan struct{}, 9), make(chan struct{})}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := c.Open(t.Context(), Key{Name: "o"}, bad, Use{}); !errors.Is(err, told) {
					t.Errorf("the refused one got %v", err)
				}
			})
		}
		<-bad.entered
		wg.Go(func() {
			if err := fetch(t.Context(), c, Key{Name: "o"}, good, 0, -1); err != nil {
				t.Errorf("the admitted one got %v", err)
			}
		})
		synctest.Wait()
		close(bad.leave)
		wg.Wait()
	})
}

func TestARefusedFillIsNotEverybodys(t *testing.T) {
	c := newTest(t, Config{})
	good := newSource(newTruth(11, 30*sliceBytes))
	mustFetch(t, c, Key{Name: "o"}, good, 0, 1)
	bad := newSource(good.t)
	bad.err = ErrRefused
	var wg sync.WaitGroup
	for i := range int64(20) {
		wg.Go(func() {
			if err := fetch(t.Context(), c, Key{Name: "o"}, good, sliceBytes, 20*sliceBytes); err != nil {
				t.Errorf("the admitted one got %v", err)
			}
		})
		wg.Go(func() {
			if err := fetch(t.Context(), c, Key{Name: "o"}, bad, i*sliceBytes, 2*sliceBytes); err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("the refused one got %v", err)
			}
		})
	}
	wg.Wait()
}

func TestAReaderMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		src := newSource(newTruth(12, 2*sliceBytes))
		src.gate = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := fetch(ctx, c, Key{Name: "o"}, src, 0, -1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		close(src.gate)
		mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
		if _, twice := src.total(); twice != 0 {
			t.Errorf("%d bytes twice: the fill did not outlive its reader", twice)
		}
	})
}

func TestAReaderThatWaitsWhenTheCacheCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Directory: fastDir(t), scrubEvery: -1})
		if err != nil {
			t.Fatal(err)
		}
		src := newSource(newTruth(13, 2*sliceBytes))
		src.gate = make(chan struct{})
		r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Length: -1})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := r.WriteRange(&judge{t: src.t}, 0, 2*sliceBytes)
			done <- errors.Join(err, r.Close())
		}()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err == nil {
			t.Error("a reader of a closed cache got all its bytes")
		}
	})
}
