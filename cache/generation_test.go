package cache

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func mutable(name, group, origin string) Key {
	return Key{Name: name, Group: group, Mutable: true, Origin: origin}
}

func TestAMutableObjectIsCheckedWhenItsCheckIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1, CheckAfter: time.Minute})
		src := newSource(newTruth(1, 3*sliceBytes))
		key := mutable("o", "", "dp1")
		mustFetch(t, c, key, src, 0, -1)
		asked := src.requests()
		pass(time.Minute - time.Second)
		mustFetch(t, c, key, src, 0, -1)
		if got := src.requests(); got != asked {
			t.Errorf("a fresh check was repeated")
		}
		pass(2 * time.Second)
		src.set(func(s *fakeSource) { s.t = newTruth(2, 3*sliceBytes) })
		mustFetch(t, c, key, src, 0, -1)
	})
}

// A CheckAfter shorter than an answer takes must not make an object unreadable.
func TestACheckAfterOfNothing(t *testing.T) {
	c := newTest(t, Config{CheckAfter: 1})
	src := newSource(newTruth(1, 10))
	for range 3 {
		mustFetch(t, c, mutable("o", "g", "dp1"), src, 0, -1)
	}
}

func TestOriginsThatDisagreeEachSeeTheirOwn(t *testing.T) {
	c := newTest(t, Config{})
	one, two := newSource(newTruth(1, 3*sliceBytes)), newSource(newTruth(2, 3*sliceBytes))
	for range 3 {
		mustFetch(t, c, mutable("o", "g", "dp1"), one, 0, -1)
		mustFetch(t, c, mutable("o", "g", "dp2"), two, 0, -1)
	}
	for i, src := range []*fakeSource{one, two} {
		if total, _ := src.total(); total != src.t.info.Size {
			t.Errorf("origin %d gave %d bytes", i+1, total)
		}
	}
}

func TestAChangeMakesTheGroupDue(t *testing.T) {
	for _, group := range []string{"g", ""} {
		for _, how := range []string{"seen by a check", "seen in the middle of a read"} {
			t.Run(group+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testGroupDue(t, group, how) })
			})
		}
	}
}

func testGroupDue(t *testing.T, group, how string) {
	c := newTest(t, Config{scrubEvery: -1, CheckAfter: time.Hour})
	changing, other := newSource(newTruth(1, 3*sliceBytes)), newSource(newTruth(2, sliceBytes))
	mustFetch(t, c, mutable("changing", group, "dp"), changing, 0, 1)
	mustFetch(t, c, mutable("other", group, "dp"), other, 0, -1)
	mustFetch(t, c, mutable("stranger", "another group", "dp"), other, 0, -1)
	pass(time.Minute)
	changing.set(func(s *fakeSource) { s.t = newTruth(3, 4*sliceBytes) })
	if how == "seen by a check" {
		mustFetch(t, c, mutable("changing", group, "another dp"), changing, 0, -1)
	} else if err := fetch(t.Context(), c, mutable("changing", group, "dp"), changing, 2*sliceBytes, 1); !errors.Is(err, ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	synctest.Wait()
	asked := other.requests()
	mustFetch(t, c, mutable("other", group, "dp"), other, 0, -1)
	if got, want := other.requests()-asked, map[string]int{"g": 1, "": 0}[group]; got != want {
		t.Errorf("the other file of group %q was checked %d times, want %d", group, got, want)
	}
	asked = other.requests()
	mustFetch(t, c, mutable("other", group, "dp"), other, 0, -1)
	mustFetch(t, c, mutable("stranger", "another group", "dp"), other, 0, -1)
	if got := other.requests() - asked; got != 0 {
		t.Errorf("%d checks more than needed", got)
	}
}

func TestUnreachableServesWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		src := newSource(newTruth(1, 3*sliceBytes))
		mustFetch(t, c, mutable("o", "g", "dp"), src, 0, -1)
		pass(time.Hour)
		src.set(func(s *fakeSource) { s.err = ErrUnreachable })
		mustFetch(t, c, mutable("o", "g", "dp"), src, 0, -1)
		asked := src.requests()
		mustFetch(t, c, mutable("o", "g", "dp"), src, 0, -1)
		mustFetch(t, c, mutable("o", "g", "a new dp"), src, 0, -1)
		if got := src.requests() - asked; got != 1 {
			t.Errorf("an unreachable origin was asked %d times more, want only the new one", got)
		}
		if err := fetch(t.Context(), c, mutable("never seen", "", "dp"), src, 0, -1); !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v, want ErrUnreachable", err)
		}
	})
}

func TestMissingIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		src := newSource(newTruth(1, 3*sliceBytes))
		mustFetch(t, c, mutable("o", "g", "dp"), src, 0, -1)
		pass(time.Hour)
		src.set(func(s *fakeSource) { s.err = ErrMissing })
		if err := fetch(t.Context(), c, mutable("o", "g", "dp"), src, 0, -1); !errors.Is(err, ErrMissing) {
			t.Errorf("got %v, want ErrMissing", err)
		}
		if got := c.Objects(); len(got) != 0 {
			t.Errorf("a missing object is still there: %+v", got)
		}
	})
}

func TestAReaderKeepsItsGeneration(t *testing.T) {
	c := newTest(t, Config{CheckAfter: 1})
	src := newSource(newTruth(1, 20*sliceBytes))
	old := src.t
	r, err := c.Open(t.Context(), mutable("o", "g", "dp"), src, Use{Length: sliceBytes})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.WriteRange(&judge{t: old}, 0, sliceBytes); err != nil {
		t.Fatal(err)
	}
	src.set(func(s *fakeSource) { s.t = newTruth(2, 20*sliceBytes) })
	mustFetch(t, c, mutable("o", "g", "dp"), src, 0, -1)
	j := &judge{t: old}
	if _, err := r.WriteRange(j, 0, 20*sliceBytes); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	if j.off < sliceBytes {
		t.Errorf("only %d bytes of what was there", j.off)
	}
	if !r.Info().LastModified.Equal(old.info.LastModified) {
		t.Error("the Info of a reader changed")
	}
}

// Content with a version in its name never changes; when an origin has another size of it, ours is not to be believed.
func TestAnImmutableObjectOfAnotherSize(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(1, 9*sliceBytes))
	mustFetch(t, c, Key{Name: "o"}, src, 0, 1)
	src.set(func(s *fakeSource) { s.t = newTruth(2, 10*sliceBytes) })
	if err := fetch(t.Context(), c, Key{Name: "o"}, src, 8*sliceBytes, 1); !errors.Is(err, ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	if got := c.Objects(); len(got) != 1 || got[0].Size != 10*sliceBytes {
		t.Errorf("got %+v, want the new size alone", got)
	}
}

// liar says that it gives what is wanted and names another object.
type liar struct{ *fakeSource }

func (l liar) Open(ctx context.Context, _ *Info, off, n int64) (Info, io.ReadCloser, error) {
	return l.fakeSource.Open(ctx, nil, off, n)
}

func TestASourceThatGivesAnotherObject(t *testing.T) {
	c := newTest(t, Config{})
	src := newSource(newTruth(1, 9*sliceBytes))
	mustFetch(t, c, Key{Name: "o"}, src, 0, 1)
	if err := fetch(t.Context(), c, Key{Name: "o"}, src, 0, 2); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(t.Context(), Key{Name: "o"}, liar{newSource(newTruth(2, 10*sliceBytes))}, Use{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.WriteRange(&judge{t: src.t}, 0, 9*sliceBytes); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

// pass lets the time of a synctest bubble go by.
func pass(d time.Duration) { <-time.After(d) }
