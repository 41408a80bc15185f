package cache

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// faultRow says how something breaks, what the status then says, and how it is mended.
type faultRow struct {
	name        string
	breaks      func(*faultTest)
	mends       func(*faultTest)
	state       State
	hitsStay    bool // what was stored before is still served from disk
	keepsStored bool // and is there after the mending
}

type faultTest struct {
	t       *testing.T
	dir     string
	disk    *faultDisk
	c       *Cache
	readers []*Reader
}

func fails(err error, operations ...string) func(*faultTest) {
	return func(f *faultTest) { f.disk.breakWith(err, operations...) }
}

func mended(f *faultTest) { f.disk.breakWith(nil) }

var faultTable = []faultRow{
	{"no space for bytes", fails(syscall.ENOSPC, "writeat"), mended, StateFailing, true, true},
	{"bytes cannot be written", fails(syscall.EIO, "writeat"), mended, StateFailing, true, true},
	{"bytes cannot be read", fails(syscall.EIO, "readat"), mended, StateFailing, false, false},
	{"sync fails", fails(syscall.EIO, "sync"), mended, StateFailing, true, true},
	{"no space for a file", fails(syscall.ENOSPC, "create"), mended, StateFailing, true, true},
	{"no descriptor for a new file", fails(errNoDescriptors, "create", "write"), mended, StateFailing, true, true},
	{"no descriptor at all", fails(errNoDescriptors, "create", "write", "open", "read", "list"), mended, StateFailing, false, true},
	{"records cannot be written", fails(syscall.ENOSPC, "write"), mended, StateFailing, true, true},
	{"records are written, and an error comes back", func(f *faultTest) {
		f.disk.late = true
		f.disk.breakWith(syscall.EIO, "write")
	}, mended, StateFailing, true, true},
	{"times cannot be set", fails(syscall.EPERM, "touch"), mended, StateOK, true, true},
	{"nothing can be removed", func(f *faultTest) {
		f.disk.breakWith(syscall.EIO, "remove")
		f.c.Remove("victim")
	}, mended, StateFailing, true, true},
	{"the disk is gone", fails(syscall.EIO, "create", "open", "list", "read", "write", "remove", "touch", "free", "readat", "writeat", "sync"),
		mended, StateFailing, false, false},
	{"the disk is down to its floor", func(f *faultTest) { f.disk.setFree(3000) },
		func(f *faultTest) { f.disk.setFree(0) }, StateFull, false, false},
	{"the budget is taken by what is open", holdOpen, letGo, StateFull, true, false},
	{"the budget is taken by what is pinned", pinBig(true), pinBig(false), StateFull, true, false},
	{"the directory is removed, and a file is in its place", func(f *faultTest) {
		if err := os.RemoveAll(f.dir); err != nil {
			f.c.Close() // what it says of its directory is of no interest; its goroutines must end with the bubble
			f.t.Skip("this system does not remove a directory that is in use: ", err)
		}
		if err := os.WriteFile(f.dir, nil, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}, func(f *faultTest) {
		if err := os.Remove(f.dir); err != nil {
			f.t.Fatal(err)
		}
	}, StateFailing, false, false},
}

// faultBudget is less than a slice more than what is stored before the fault and "big" take.
const faultBudget = 40 << 20

var faultTruths = truths{
	"kept":   {newTruth(1, 3*sliceBytes+9)},
	"half":   {newTruth(2, 5*sliceBytes)},
	"cold":   {newTruth(3, 6*sliceBytes)},
	"later":  {newTruth(4, 7*sliceBytes)},
	"victim": {newTruth(5, sliceBytes)},
	"big":    {newTruth(6, faultBudget-6*sliceBytes)},
}

func holdOpen(f *faultTest) {
	for _, name := range []string{"kept", "half", "big"} {
		f.fetch(name, 0, 1)
		r, err := f.c.Open(f.t.Context(), Key{Name: name}, newSource(faultTruths[name][0]), Use{})
		if err != nil {
			f.t.Fatal(err)
		}
		f.readers = append(f.readers, r)
	}
	f.fetch("big", 0, -1)
}

func letGo(f *faultTest) {
	for _, r := range f.readers {
		r.Close()
	}
}

func pinBig(pin bool) func(*faultTest) {
	return func(f *faultTest) {
		f.fetch("big", 0, 1)
		for _, name := range []string{"kept", "half", "big"} {
			if !f.c.Pin(name, pin) {
				f.t.Errorf("there is no %s to pin", name)
			}
		}
		if pin {
			f.fetch("big", 0, -1)
		}
	}
}

// fetch reads a range and returns how often upstream was asked for it.
func (f *faultTest) fetch(name string, off, n int64) int {
	f.t.Helper()
	src := newSource(faultTruths[name][0])
	mustFetch(f.t, f.c, Key{Name: name}, src, off, n)
	return src.requests()
}

func TestFaults(t *testing.T) {
	for _, row := range faultTable {
		t.Run(row.name, func(t *testing.T) {
			dir := fastDir(t)
			synctest.Test(t, func(t *testing.T) { row.run(t, dir) })
		})
	}
}

func (row faultRow) run(t *testing.T, dir string) {
	f := &faultTest{t: t, dir: dir, disk: &faultDisk{}}
	config := Config{Directory: dir, MaxBytes: faultBudget, MinFreeBytes: 100 << 20, scrubEvery: -1, OpenFiles: 1, openDisk: f.disk.open}
	f.c = mustNew(t, config)
	f.fetch("victim", 0, -1)
	f.fetch("kept", 0, -1)
	f.fetch("half", 0, 2*sliceBytes)
	pass(2 * recordEvery)
	row.breaks(f)
	for range 2 {
		if asked := f.fetch("kept", 0, -1); row.hitsStay && asked != 0 {
			t.Errorf("while broken: a hit asked upstream %d times", asked)
		}
		f.fetch("half", sliceBytes, -1)
		f.fetch("cold", 0, -1)
		f.fetch("cold", 3*sliceBytes, 100)
		pass(2 * recordEvery)
	}
	if got := f.c.Status(); got.State != row.state || got.Since.IsZero() != (row.state == StateOK) || (got.Reason == "") != (row.state == StateOK) {
		t.Errorf("while broken: the status is %+v, want %q, since when and why", got, row.state)
	}
	row.mends(f)
	pass(2 * probeEvery)
	if got := f.c.Status(); got.State != StateOK {
		t.Errorf("mended, without a client: the status is %+v", got)
	}
	f.fetch("later", 0, -1)
	if asked := f.fetch("later", 0, -1); asked != 0 {
		t.Error("mended: nothing is stored")
	}
	row.restart(f, config)
}

// restart checks what is on disk, and that it is used.
func (row faultRow) restart(f *faultTest, config Config) {
	if err := f.c.Close(); err != nil {
		f.t.Error(err)
	}
	found := checkDir(f.t, f.dir, faultTruths, false)
	f.c = mustNew(f.t, config)
	checkAccount(f.t, f.c, found)
	if asked := f.fetch("later", 0, -1); asked != 0 {
		f.t.Error("after a restart, what was stored is fetched again")
	}
	if asked := f.fetch("kept", 0, -1); row.keepsStored && asked != 0 {
		f.t.Error("after a restart, what was stored before the fault is fetched again")
	}
	if err := f.c.Close(); err != nil {
		f.t.Error(err)
	}
	checkDir(f.t, f.dir, faultTruths, false)
}

// What upstream says counts although nothing can be stored: the next reader must not be sent after an object that is gone.
func TestAChangeSeenPastABrokenDisk(t *testing.T) {
	disk := &faultDisk{}
	c := newTest(t, Config{openDisk: disk.open})
	src := newSource(newTruth(1, 3*sliceBytes))
	mustFetch(t, c, Key{Name: "o"}, src, 0, 1)
	c.health.failed(syscall.EIO)
	src.set(func(s *fakeSource) { s.t = newTruth(2, 4*sliceBytes) })
	if err := fetch(t.Context(), c, Key{Name: "o"}, src, 2*sliceBytes, 1); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
}

func mustNew(t testing.TB, config Config) *Cache {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
