package cache

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestPinnedAndOpenStay(t *testing.T) {
	c := newTest(t, Config{MaxBytes: 10 << 20})
	awaitCount(t, c)
	pinned, open := newSource(newTruth(1, 2*sliceBytes)), newSource(newTruth(2, 2*sliceBytes))
	fetchAs(t, c, "one", "pinned", pinned)
	fetchAs(t, c, "one", "open", open)
	if !c.Pin("pinned", true) || c.Pin("unknown", true) || c.Remove("unknown") {
		t.Error("Pin or Remove does not know what there is")
	}
	r, err := c.Open(t.Context(), Key{Name: "open"}, open, Use{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 20 {
		fetchAs(t, c, "one", fmt.Sprint(i), newSource(newTruth(uint64(i), 2*sliceBytes)))
	}
	before := pinned.requests() + open.requests()
	fetchAs(t, c, "one", "pinned", pinned)
	fetchAs(t, c, "one", "open", open)
	if got := pinned.requests() + open.requests(); got != before {
		t.Errorf("a pinned or open object was removed")
	}
	checkIndex(t, c)
}

// TestAPinIsItsNames: however the last generation went, the next one is pinned.
func TestAPinIsItsNames(t *testing.T) {
	another := func(s *fakeSource) { s.t = newTruth(2, 3*sliceBytes) }
	none := func(s *fakeSource) { s.err = ErrMissing }
	rows := []struct {
		name   string
		key    Key
		after  time.Duration
		change func(*fakeSource)
		fails  error // what a reader of the rest gets, nil when it gets the new one
	}{
		{"a check finds another one", mutable("o", "", "dp"), time.Hour, another, nil},
		{"a check finds none", mutable("o", "", "dp"), time.Hour, none, ErrMissing},
		{"a fill finds another one", mutable("o", "", "dp"), 0, another, ErrChanged},
		{"a fill finds another size", Key{Name: "o"}, 0, another, ErrChanged},
		{"a fill finds none", Key{Name: "o"}, 0, none, ErrMissing},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTest(t, Config{scrubEvery: -1})
				src := newSource(newTruth(1, 2*sliceBytes))
				mustFetch(t, c, row.key, src, 0, 1)
				c.Pin("o", true)
				pass(row.after)
				src.set(row.change)
				if err := fetch(t.Context(), c, row.key, src, sliceBytes, 1); !errors.Is(err, row.fails) {
					t.Errorf("got %v, want %v", err, row.fails)
				}
				src.set(func(s *fakeSource) { s.err = nil })
				mustFetch(t, c, row.key, src, 0, 1)
				for _, o := range c.Objects() {
					if !o.Pinned {
						t.Errorf("%+v is not pinned", o)
					}
				}
				c.Remove("o")
				mustFetch(t, c, row.key, src, 0, 1)
				if got := c.Objects(); got[0].Pinned {
					t.Error("what was removed is pinned when it comes back")
				}
			})
		})
	}
}
