package cache

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnImmutableObjectIsDoubted: nobody waits for the question, which is put once a day, and only another size makes a
// difference.
func TestAnImmutableObjectIsDoubted(t *testing.T) {
	told := newTruth(1, 2*sliceBytes)
	dated := newTruth(2, 2*sliceBytes)
	dated.block = told.block
	rows := []struct {
		name   string
		told   truth
		after  time.Duration
		change func(*fakeSource)
		asks   int  // how often upstream is asked by two readers
		news   bool // the second of them reads what upstream has now
	}{
		{"not yet", told, sureFor - time.Minute, func(s *fakeSource) { s.t = newTruth(3, 4*sliceBytes) }, 0, false},
		{"another size", told, sureFor, func(s *fakeSource) { s.t = newTruth(3, 4*sliceBytes) }, 1, true},
		{"the same", told, sureFor, func(*fakeSource) {}, 1, false},
		{"another date", told, sureFor, func(s *fakeSource) { s.t = dated }, 1, false},
		{"nobody answers", told, sureFor, func(s *fakeSource) { s.err = ErrUnreachable }, 1, false},
		{"it is missing", told, sureFor, func(s *fakeSource) { s.err = ErrMissing }, 1, false},
		{"it is refused", told, sureFor, func(s *fakeSource) { s.err = ErrRefused }, 1, false},
		{"empty, and not yet", newTruth(1, 0), time.Second, func(s *fakeSource) { s.t = newTruth(3, sliceBytes) }, 0, false},
		{"no longer empty", newTruth(1, 0), time.Minute, func(s *fakeSource) { s.t = newTruth(3, sliceBytes) }, 1, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTest(t, Config{scrubEvery: -1})
				key, src := Key{Name: "o"}, newSource(row.told)
				mustFetch(t, c, key, src, 0, -1)
				pass(row.after)
				src.set(row.change)
				asked := src.requests()
				mustRead(t, c, key, src, row.told)
				synctest.Wait()
				want := row.told
				if got := src.requests() - asked; got != row.asks {
					t.Errorf("upstream was asked %d times, want %d", got, row.asks)
				}
				if row.news {
					want = src.t
				}
				mustRead(t, c, key, src, want)
				if stats, _ := src.counts(); stats != row.asks {
					t.Errorf("upstream was asked %d times by two readers, want %d", stats, row.asks)
				}
			})
		})
	}
}

// mustRead reads all of an object, which must be what is wanted.
func mustRead(t *testing.T, c *Cache, key Key, src Source, want truth) {
	t.Helper()
	r, err := c.Open(t.Context(), key, src, Use{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := r.WriteRange(&judge{t: want}, 0, r.Info().Size); n != want.info.Size || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, want.info.Size)
	}
}

// TestDoubtsDoNotPileUp: a package of many old files that is read again does not ask for all of them at once.
func TestDoubtsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		src := newSource(newTruth(1, 100))
		read := func(src Source) {
			for i := range 3 * doubtsAtOnce {
				mustRead(t, c, Key{Name: fmt.Sprint(i)}, src, newTruth(1, 100))
			}
		}
		read(src)
		pass(sureFor)
		slow := &stubborn{src, ErrRefused, make(chan struct{}, 100), make(chan struct{})}
		read(slow)
		read(slow)
		synctest.Wait()
		if got := len(slow.entered); got != doubtsAtOnce {
			t.Errorf("%d questions are under way, want %d", got, doubtsAtOnce)
		}
		close(slow.leave)
		synctest.Wait()
		read(src)
		synctest.Wait()
		read(src)
		synctest.Wait()
		if stats, _ := src.counts(); stats == 0 {
			t.Error("nothing is asked for when the others have landed")
		}
	})
}
