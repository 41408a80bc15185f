package cache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
)

// loseWritten has the next sync fail, and takes away what was written, as a kernel may that could not write it back.
func loseWritten(t *testing.T, c *Cache, disk *faultDisk, dir string) {
	t.Helper()
	disk.breakWith(syscall.EIO, "sync")
	c.recordAll()
	disk.breakWith(nil)
	if c.health.good() {
		t.Fatal("nothing was to be synced")
	}
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "*", "*.dat"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %q on disk, %v; want the file of one object", files, err)
	}
	st, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(files[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, st.Size()), 0); err != nil {
		t.Fatal(err)
	}
}

// TestASyncFailsInTheMiddleOfAFill: nobody gets what the fill had written before, neither from the slice that is being
// written nor after it is whole, and the fill ends.
func TestASyncFailsInTheMiddleOfAFill(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		disk := &faultDisk{}
		c := newTest(t, Config{Directory: dir, scrubEvery: -1, openDisk: disk.open})
		src := newSource(newTruth(1, 4*sliceBytes))
		src.gate = make(chan struct{})
		r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Length: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for range 7 { // two slices, of which the first is recorded, and a part of the third
			src.gate <- struct{}{}
		}
		synctest.Wait()
		loseWritten(t, c, disk, dir)
		close(src.gate)
		synctest.Wait()
		if r.b.running > 0 || len(r.b.owner) > 0 || r.b.good > 0 {
			t.Errorf("%d fills run on, %d slices are owned and %d believed", r.b.running, len(r.b.owner), r.b.good)
		}
		src.set(func(s *fakeSource) { s.gate = nil })
		if _, err := r.WriteRange(&judge{t: src.t}, 0, 4*sliceBytes); err != nil {
			t.Error(err)
		}
	})
}

// TestASyncFailsInTheMiddleOfARead: what a reader has not sent yet is read no more.
func TestASyncFailsInTheMiddleOfARead(t *testing.T) {
	disk, dir := &faultDisk{}, fastDir(t)
	c := newTest(t, Config{Directory: dir, scrubEvery: -1, openDisk: disk.open})
	src := newSource(newTruth(1, 4*sliceBytes))
	r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.WriteRange(&judge{t: src.t}, 0, 4*sliceBytes); err != nil {
		t.Fatal(err)
	}
	r.b.mu.Lock()
	r.b.unrecorded++ // as if it had not been recorded yet
	r.b.mu.Unlock()
	c.markDirty(r.b.e)
	w := &changer{w: &judge{t: src.t}, after: func() { loseWritten(t, c, disk, dir) }}
	if _, err := r.WriteRange(w, 0, 4*sliceBytes); err != nil {
		t.Error(err)
	}
}
