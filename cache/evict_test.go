package cache

import (
	"container/list"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// checkIndex compares the sums and lists of the index with what they stand for.
func checkIndex(t testing.TB, c *Cache) {
	t.Helper()
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	listed := map[*entry]bool{}
	for _, s := range []*segment{&x.probation, &x.protected} {
		var sum int64
		for at := s.list.Front(); at != nil; at = at.Next() {
			e := at.Value.(*entry)
			listed[e] = true
			sum += e.cost()
			if e.gone || e.at != at || x.segmentOf(e) != s || e.stored < 0 || e.stored > e.info.Size {
				t.Errorf("%q is in the wrong place: gone %v, hot %v, %d bytes stored", e.key.Name, e.gone, e.hot, e.stored)
			}
		}
		if sum != s.bytes {
			t.Errorf("a segment takes %d bytes and says %d", sum, s.bytes)
		}
	}
	known := 0
	for name, o := range x.objects {
		known += len(o.generations)
		if len(o.generations) == 0 {
			t.Errorf("%q is known and has no generation", name)
		}
		for _, e := range o.generations {
			if !listed[e] {
				t.Errorf("%q can be found and cannot be evicted", name)
			}
		}
		for _, k := range o.checks {
			if k.entry.gone {
				t.Errorf("%q: a check leads to what is gone", name)
			}
		}
	}
	if known != len(listed) {
		t.Errorf("%d entries are listed, %d can be found", len(listed), known)
	}
	checkIdle(t, &x.idle)
}

func checkIdle(t testing.TB, idle *list.List) {
	t.Helper()
	for at := idle.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entry); e.refs != 0 || e.gone || e.idle != at {
			t.Errorf("%q is idle, with %d references, gone %v", e.key.Name, e.refs, e.gone)
		}
	}
}

// checkQuiet is checkIndex for a cache that nobody uses: nothing is reserved or held.
func checkQuiet(t testing.TB, c *Cache) {
	t.Helper()
	checkIndex(t, c)
	c.space.mu.Lock()
	defer c.space.mu.Unlock()
	if c.space.pending != 0 {
		t.Errorf("%d bytes stay reserved", c.space.pending)
	}
	for _, o := range c.Objects() {
		if o.Open {
			t.Errorf("%q is open, and nobody uses it", o.Name)
		}
	}
}

func fetchAs(t testing.TB, c *Cache, client, name string, src *fakeSource) {
	t.Helper()
	r, err := c.Open(t.Context(), Key{Name: name}, src, Use{Client: client, Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.WriteRange(&judge{t: src.t}, 0, r.Info().Size); err != nil {
		t.Fatal(err)
	}
}

func TestALargeImageDoesNotPushOutWhatIsReused(t *testing.T) {
	const budget = 20 << 20
	c := newTest(t, Config{MaxBytes: budget})
	awaitCount(t, c)
	var patches []*fakeSource
	for i := range 6 {
		patches = append(patches, newSource(newTruth(uint64(i), 2*sliceBytes)))
		fetchAs(t, c, "first", fmt.Sprint("patch ", i), patches[i])
		fetchAs(t, c, "second", fmt.Sprint("patch ", i), patches[i])
	}
	fetchAs(t, c, "first", "image", newSource(newTruth(99, 10*budget)))
	for i, src := range patches {
		asked := src.requests()
		fetchAs(t, c, "third", fmt.Sprint("patch ", i), src)
		if src.requests() != asked {
			t.Errorf("patch %d was pushed out", i)
		}
	}
	if got := c.Status(); got.Bytes > budget {
		t.Errorf("%d bytes are stored, the budget is %d", got.Bytes, budget)
	}
	checkIndex(t, c)
}

func TestWhatCountsAsReuse(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{Directory: dir, scrubEvery: -1})
		src := newSource(newTruth(1, 100))
		protected := func() bool { return c.Objects()[0].Protected }
		for range 500 {
			fetchAs(t, c, "bits", "o", src)
			pass(10 * time.Second)
		}
		if protected() {
			t.Error("500 requests of one job count as a re-use")
		}
		pass(2 * time.Hour)
		fetchAs(t, c, "bits", "o", src)
		if !protected() {
			t.Error("a use hours later does not count as a re-use")
		}
		c.Remove("o")
		fetchAs(t, c, "one", "o", src)
		fetchAs(t, c, "two", "o", src)
		if !protected() {
			t.Error("a second client does not count as a re-use")
		}
	})
}

func TestWhatIsProtectedIsRememberedAndBounded(t *testing.T) {
	dir := fastDir(t)
	const budget = 10 << 20
	c := mustNew(t, Config{Directory: dir, MaxBytes: budget})
	awaitCount(t, c)
	src := newSource(newTruth(1, sliceBytes))
	for i := range 9 {
		fetchAs(t, c, "one", fmt.Sprint(i), src)
		fetchAs(t, c, "two", fmt.Sprint(i), src)
	}
	count := func() (n int) {
		for _, o := range c.Objects() {
			if o.Protected {
				n++
			}
		}
		return n
	}
	if got := count(); got != 7 {
		t.Errorf("%d objects are protected, want the 7 that fit into four fifths", got)
	}
	checkIndex(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = newTest(t, Config{Directory: dir, MaxBytes: budget})
	awaitCount(t, c)
	if got := count(); got < 7 {
		t.Errorf("%d objects are protected after a restart, want at least 7", got)
	}
	checkIndex(t, c)
}

func TestRemoveWhileReading(t *testing.T) {
	dir := fastDir(t)
	c := mustNew(t, Config{Directory: dir})
	src := newSource(newTruth(1, 6*sliceBytes))
	mustFetch(t, c, Key{Name: "o"}, src, 0, 3*sliceBytes)
	r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Remove("o") {
		t.Error("it was there")
	}
	if _, err := r.WriteRange(&judge{t: src.t}, 0, 6*sliceBytes); err != nil {
		t.Errorf("who reads what is removed gets %v", err)
	}
	r.Close()
	if got := c.Objects(); len(got) != 0 {
		t.Errorf("still there: %+v", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if found := checkDir(t, dir, truths{}, false); found.objects != 0 {
		t.Errorf("%d objects on disk", found.objects)
	}
}

// Objects of which only the Info was asked cost no bytes on disk; they must not grow without end for that.
func TestManyQuestionsStayWithinTheBudget(t *testing.T) {
	c := newTest(t, Config{MaxBytes: 1 << 20})
	awaitCount(t, c)
	src := newSource(newTruth(1, 10))
	for i := range 1000 {
		r, err := c.Open(t.Context(), Key{Name: fmt.Sprint(i)}, src, Use{})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if got := c.Status(); got.Bytes > got.MaxBytes {
		t.Errorf("%d bytes for %d objects, the budget is %d", got.Bytes, got.Objects, got.MaxBytes)
	}
	checkIndex(t, c)
}

func TestTheFloorCountsWhatIsNotWrittenYet(t *testing.T) {
	disk := &faultDisk{free: 100 << 20}
	c := newTest(t, Config{MinFreeBytes: 90 << 20, openDisk: disk.open})
	src := newSource(newTruth(1, 40*sliceBytes))
	src.gate = make(chan struct{})
	entries := []*entry{}
	for i := range 4 {
		entries = append(entries, c.confirm(Key{Name: fmt.Sprint(i)}, src.t.info, func(*entry) {}))
	}
	granted := 0
	for _, e := range entries {
		c.space.stale() // as if a second had gone by
		if c.reserve(e, 4*sliceBytes) == nil {
			granted++
		}
	}
	if granted != 2 {
		t.Errorf("%d reservations of 4 MiB were granted of the 10 MiB above the floor, want 2", granted)
	}
	for i, e := range entries {
		if i < granted {
			c.unreserve(e, 4*sliceBytes)
		}
		c.release(e)
	}
	checkQuiet(t, c)
}

// TestAWindowMakesRoomForItselfOnly: a stream that ends with its window has nothing removed for the slice behind it.
func TestAWindowMakesRoomForItselfOnly(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		const window = 4 * sliceBytes
		c := newTest(t, Config{Directory: dir, scrubEvery: -1, WindowBytes: window, MaxBytes: 2*entryCost + sliceBytes + window})
		awaitCount(t, c)
		mustFetch(t, c, Key{Name: "other"}, newSource(newTruth(1, sliceBytes)), 0, -1)
		pass(time.Minute) // for the record to be written
		mustFetch(t, c, Key{Name: "o"}, newSource(newTruth(2, 2*window)), 0, window)
		synctest.Wait()
		if got := c.Objects(); len(got) != 2 {
			t.Errorf("there are %+v, want both", got)
		}
	})
}
