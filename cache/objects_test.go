package cache

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Objects returns what the cache holds, by name.
func (c *Cache) Objects() (all []Object) {
	names := c.Names()
	slices.Sort(names)
	for _, name := range names {
		all = append(all, c.Generations(name)...)
	}
	return all
}

func TestNamesAndGenerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{scrubEvery: -1})
		if got := c.Names(); len(got) != 0 {
			t.Errorf("an empty cache has %q", got)
		}
		src := newSource(newTruth(1, sliceBytes))
		mustFetch(t, c, Key{Name: "b"}, src, 0, -1)
		mustFetch(t, c, mutable("a", "g", "dp1"), src, 0, -1)
		pass(time.Second)
		mustFetch(t, c, mutable("a", "g", "dp2"), newSource(newTruth(2, 2*sliceBytes)), 0, -1)
		pass(time.Minute) // for the records to be written
		names := c.Names()
		slices.Sort(names)
		if want := []string{"a", "b"}; !slices.Equal(names, want) {
			t.Errorf("names are %q, want %q", names, want)
		}
		for name, want := range map[string][]int64{"a": {sliceBytes, 2 * sliceBytes}, "b": {sliceBytes}, "c": nil} {
			var sizes []int64
			for _, o := range c.Generations(name) {
				if o.Name != name || o.Stored != o.Size || o.Open {
					t.Errorf("%q has %+v, want all of it stored and closed", name, o)
				}
				sizes = append(sizes, o.Size)
			}
			if !slices.Equal(sizes, want) {
				t.Errorf("%q has generations of %d bytes, want %d", name, sizes, want)
			}
		}
	})
}

// TestNamesJustAfterTheStart: what is on disk is named although it is not counted yet.
func TestNamesJustAfterTheStart(t *testing.T) {
	dir := fastDir(t)
	storedBefore(t, dir, 40)
	for range 3 {
		c := mustNew(t, Config{Directory: dir, scrubEvery: -1})
		if got := len(c.Names()); got != 40 {
			t.Errorf("%d objects are named, want 40", got)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
