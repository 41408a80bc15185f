package cache

import (
	"path/filepath"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/windows"
)

// scan opens every file of the cache that fits the pattern as a virus scanner does: nobody may remove or replace them until
// the returned function has run.
func scan(t *testing.T, dir, pattern string) (release func()) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "blobs", "*", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: found %q: %v", pattern, names, err)
	}
	var handles []windows.Handle
	for _, name := range names {
		wide, err := windows.UTF16PtrFromString(name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := windows.CreateFile(wide, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil,
			windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		handles = append(handles, h)
	}
	return func() {
		for _, h := range handles {
			if err := windows.CloseHandle(h); err != nil {
				t.Error(err)
			}
		}
	}
}

// What a scanner holds open is removed when it lets go, and nothing else suffers meanwhile.
func TestRemoveWhatAScannerHolds(t *testing.T) {
	for _, pattern := range []string{"*.rec", "*.dat", "*"} {
		dir := fastDir(t)
		synctest.Test(t, func(t *testing.T) {
			c := mustNew(t, Config{Directory: dir, scrubEvery: -1})
			mustFetch(t, c, Key{Name: "held"}, newSource(newTruth(1, 3*sliceBytes)), 0, -1)
			pass(2 * recordEvery)
			release := scan(t, dir, pattern)
			c.Remove("held")
			pass(2 * probeEvery)
			if got := c.Status(); got.State != StateOK {
				t.Errorf("%s: while it is held: %+v", pattern, got)
			}
			src := newSource(newTruth(2, 2*sliceBytes))
			mustFetch(t, c, Key{Name: "held"}, src, 0, -1)
			before := src.requests()
			if mustFetch(t, c, Key{Name: "held"}, src, 0, -1); src.requests() != before {
				t.Errorf("%s: nothing is stored while the old file is held", pattern)
			}
			release()
			pass(2 * probeEvery)
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			checkDir(t, dir, truths{"held": {newTruth(2, 2*sliceBytes)}}, false)
		})
	}
}

// A record that a scanner holds open is replaced when it lets go, and what it then claims is there after a restart.
func TestRecordWhatAScannerHolds(t *testing.T) {
	dir := fastDir(t)
	known := truths{"held": {newTruth(1, 3*sliceBytes)}}
	synctest.Test(t, func(t *testing.T) {
		config := Config{Directory: dir, scrubEvery: -1}
		c := mustNew(t, config)
		src := newSource(known["held"][0])
		mustFetch(t, c, Key{Name: "held"}, src, 0, sliceBytes)
		pass(2 * recordEvery)
		release := scan(t, dir, "*.rec")
		mustFetch(t, c, Key{Name: "held"}, src, 0, -1)
		pass(10 * recordEvery)
		mustFetch(t, c, Key{Name: "held"}, src, 0, -1)
		release()
		pass(2 * (probeEvery + recordEvery))
		if got := c.Status(); got.State != StateOK {
			t.Errorf("when it has let go: %+v", got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		checkDir(t, dir, known, false)
		c = mustNew(t, config)
		before := src.requests()
		if mustFetch(t, c, Key{Name: "held"}, src, 0, -1); src.requests() != before {
			t.Error("after a restart, what was stored is fetched again")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
