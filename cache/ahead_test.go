package cache

import (
	"runtime"
	"testing"
)

func TestTrail(t *testing.T) {
	var tr trail
	if tr.follows(0) || tr.follows(7) {
		t.Error("an empty trail is followed")
	}
	for end := int64(1); end <= 64; end++ {
		tr.note(10 * end)
	}
	tr.note(10) // again: it takes no second place
	if !tr.follows(10) || !tr.follows(640) || tr.follows(11) {
		t.Error("the trail does not know its own ends")
	}
	tr.note(650)
	if tr.follows(10) || !tr.follows(20) || !tr.follows(650) {
		t.Error("a new end does not take the place of the oldest")
	}
	if tr.follows(0) {
		t.Error("a range from the start continues nothing")
	}
}

// TestBlocksAreFetchedAhead: a download in blocks has the next blocks fetched beforehand, a range elsewhere has not.
func TestBlocksAreFetchedAhead(t *testing.T) {
	const block = sliceBytes / 2
	src := newSource(newTruth(1, 100*sliceBytes))
	c := newTest(t, Config{})
	key := Key{Name: "a"}
	mustFetch(t, c, key, src, 50*sliceBytes, block)
	mustFetch(t, c, key, src, 70*sliceBytes+1, block)
	if _, opens := src.counts(); opens != 2 {
		t.Errorf("two ranges at random asked upstream %d times, want 2", opens)
	}
	settle(c)
	mustFetch(t, c, key, src, 50*sliceBytes+block, block)
	settle(c)
	if _, opens := src.counts(); opens != 2+4 {
		t.Errorf("the next block of a download asked upstream %d times, want a look ahead of 4 windows", opens-2)
	}
}

// settle waits until every fill has ended.
func settle(c *Cache) {
	for _, e := range c.index.all() {
		for running := 1; running > 0; runtime.Gosched() {
			e.mu.Lock()
			b := e.blob
			e.mu.Unlock()
			b.mu.Lock()
			running = b.running
			b.mu.Unlock()
		}
	}
}
