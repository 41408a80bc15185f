package cache

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestScrubFindsRot(t *testing.T) {
	dir := fastDir(t)
	c := newTest(t, Config{Directory: dir})
	src := newSource(newTruth(1, 5*sliceBytes+1))
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	if compared, bad := c.Scrub(0); compared != 6 || bad != 0 {
		t.Errorf("scrub of a sound object: %d compared, %d bad", compared, bad)
	}
	dats, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*.dat"))
	for _, at := range []int64{0, 3*sliceBytes + 77, 5 * sliceBytes} {
		if err := flip(dats[0], at); err != nil {
			t.Fatal(err)
		}
	}
	before := c.Status().Bytes
	if compared, bad := c.Scrub(0); compared != 6 || bad != 3 {
		t.Errorf("%d compared, %d bad; want 6 and 3", compared, bad)
	}
	if got, want := before-c.Status().Bytes, int64(2*sliceBytes+1); got != want {
		t.Errorf("%d bytes given back for the bad slices, want %d", got, want)
	}
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	if _, twice := src.total(); twice != 2*sliceBytes+1 {
		t.Errorf("%d bytes fetched again, want the three bad slices", twice)
	}
	if compared, bad := c.Scrub(0); compared != 6 || bad != 0 {
		t.Errorf("after the repair: %d compared, %d bad", compared, bad)
	}
}

func TestTheScrubRunsByItself(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{Directory: dir, scrubEvery: time.Hour})
		src := newSource(newTruth(1, 2*sliceBytes))
		mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
		pass(time.Minute)
		dats, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*.dat"))
		if err := flip(dats[0], 99); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour)
		if got := c.Objects(); got[0].Stored != sliceBytes {
			t.Errorf("%d bytes are still believed, want one slice", got[0].Stored)
		}
	})
}

// A scrub that begins while the start still counts misses nothing.
func TestScrubAtOnce(t *testing.T) {
	config := Config{Directory: fastDir(t), scrubEvery: -1}
	c := mustNew(t, config)
	for i := range 20 {
		mustFetch(t, c, Key{Name: fmt.Sprint(i)}, newSource(newTruth(1, 2*sliceBytes)), 0, -1)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = mustNew(t, config)
	if compared, bad := c.Scrub(0); compared != 40 || bad != 0 {
		t.Errorf("%d slices were compared and %d bad, want 40 and none", compared, bad)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestAScrubInEveryWeek: what counts is when the last pass was finished, however often the machine restarts since.
func TestAScrubInEveryWeek(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		const day, week = 24 * time.Hour, 7 * 24 * time.Hour
		began, passes := time.Now(), []time.Duration{}
		for time.Since(began) < 4*week {
			disk := &watchedDisk{}
			c := mustNew(t, Config{Directory: dir, openDisk: disk.open})
			mustFetch(t, c, Key{Name: "o"}, newSource(newTruth(1, sliceBytes)), 0, -1)
			pass(time.Minute)
			disk.reads.Store(0)
			pass(8 * time.Hour)
			if disk.reads.Load() > 0 {
				passes = append(passes, time.Since(began))
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			pass(day - 8*time.Hour - time.Minute)
		}
		if len(passes) != 4 || passes[0] > day || passes[3] < 3*week {
			t.Errorf("in four weeks of working days everything was compared at %v, want once a week from the first day on", passes)
		}
	})
}

// watchedDisk counts what is opened and read, and can hold a read up.
type watchedDisk struct {
	disk
	opens, reads atomic.Int64
	onRead       func()
	closed       chan struct{}
}

func (d *watchedDisk) open(directory string) (_ disk, err error) {
	d.disk, err = openRootDisk(directory)
	d.closed = make(chan struct{})
	return d, err
}

func (d *watchedDisk) wrap(f file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return &watchedFile{f, d}, nil
}

func (d *watchedDisk) Create(name string, size int64) (file, error) {
	return d.wrap(d.disk.Create(name, size))
}

func (d *watchedDisk) Open(name string) (file, error) {
	d.opens.Add(1)
	return d.wrap(d.disk.Open(name))
}

func (d *watchedDisk) Close() error {
	close(d.closed)
	return d.disk.Close()
}

type watchedFile struct {
	file
	d *watchedDisk
}

func (f *watchedFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.reads.Add(1)
	if f.d.onRead != nil {
		f.d.onRead()
	}
	return f.file.ReadAt(p, off)
}

// storedBefore leaves n objects in a directory, as an earlier process would.
func storedBefore(t *testing.T, dir string, n int) {
	t.Helper()
	c := mustNew(t, Config{Directory: dir, scrubEvery: -1})
	for i := range n {
		mustFetch(t, c, Key{Name: fmt.Sprint(i)}, newSource(newTruth(1, sliceBytes)), 0, -1)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAScrubEndsWithTheCache: it does not open thousands of objects first.
func TestAScrubEndsWithTheCache(t *testing.T) {
	dir := fastDir(t)
	storedBefore(t, dir, 30)
	synctest.Test(t, func(t *testing.T) {
		disk := &watchedDisk{}
		c := mustNew(t, Config{Directory: dir, scrubEvery: -1, openDisk: disk.open})
		scrubbed := make(chan int)
		go func() {
			compared, _ := c.Scrub(time.Hour)
			scrubbed <- compared
		}()
		synctest.Wait() // it rests at its first object
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if compared := <-scrubbed; compared != 0 || disk.opens.Load() != 1 {
			t.Errorf("%d slices were compared and %d objects opened, want none and one", compared, disk.opens.Load())
		}
	})
}

// TestACloseWaitsForAScrub: the files that it reads stay open until it has ended. One that comes later does nothing.
func TestACloseWaitsForAScrub(t *testing.T) {
	dir := fastDir(t)
	storedBefore(t, dir, 2)
	disk := &watchedDisk{}
	c := mustNew(t, Config{Directory: dir, scrubEvery: -1, openDisk: disk.open})
	reading := make(chan struct{}, 2)
	disk.onRead = func() {
		reading <- struct{}{}
		<-c.ctx.Done()
		select {
		case <-disk.closed:
			t.Error("the cache was closed under a scrub")
		case <-time.After(100 * time.Millisecond):
		}
		disk.onRead = nil
	}
	scrubbed := make(chan int)
	go func() {
		_, bad := c.Scrub(0)
		scrubbed <- bad
	}()
	<-reading
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	if bad := <-scrubbed; bad != 0 {
		t.Errorf("%d slices seemed bad", bad)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	opens := disk.opens.Load()
	if compared, bad := c.Scrub(0); compared != 0 || bad != 0 || disk.opens.Load() != opens {
		t.Errorf("a scrub of a closed cache compared %d slices, %d of them bad", compared, bad)
	}
}
