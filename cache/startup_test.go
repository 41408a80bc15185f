package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsAtTheStart(t *testing.T) {
	rows := []struct {
		name       string
		err        error
		operations []string
		foundAgain bool // without another restart
	}{
		{"no descriptor for a folder", errNoDescriptors, []string{"list"}, true},
		{"no descriptor for a record", errNoDescriptors, []string{"read"}, false},
		{"a record cannot be read", syscall.EIO, []string{"read"}, false},
		{"a folder cannot be listed", syscall.EIO, []string{"list"}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := fastDir(t)
			synctest.Test(t, func(t *testing.T) {
				disk := &faultDisk{}
				config := Config{Directory: dir, scrubEvery: -1, openDisk: disk.open}
				kept, cold := newSource(newTruth(1, 3*sliceBytes)), newSource(newTruth(2, 3*sliceBytes))
				f := &faultTest{t: t, disk: disk, c: mustNew(t, config)}
				mustFetch(t, f.c, Key{Name: "kept"}, kept, 0, -1)
				if err := f.c.Close(); err != nil {
					t.Fatal(err)
				}
				disk.breakWith(row.err, row.operations...)
				f.c = mustNew(t, config)
				awaitCount(t, f.c)
				mustFetch(t, f.c, Key{Name: "cold"}, cold, 0, -1)
				disk.breakWith(nil)
				pass(2 * probeEvery)
				asked := kept.requests()
				if row.foundAgain {
					mustFetch(t, f.c, Key{Name: "kept"}, kept, 0, -1)
				}
				if err := f.c.Close(); err != nil {
					t.Fatal(err)
				}
				f.c = mustNew(t, config)
				defer f.c.Close()
				mustFetch(t, f.c, Key{Name: "kept"}, kept, 0, -1)
				if got := kept.requests() - asked; got != 0 {
					t.Errorf("what was stored was asked for %d times", got)
				}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]Config{
		"no directory":         {},
		"a negative limit":     {Directory: t.TempDir(), MaxBytes: -1},
		"a file in the way":    {Directory: inTheWay},
		"a file above the way": {Directory: filepath.Join(inTheWay, "below")},
	} {
		if c, err := New(config); err == nil {
			c.Close()
			t.Errorf("%s: New succeeded", name)
		} else if errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v, but nobody has it", name, err)
		}
	}
}

func TestOneCacheADirectory(t *testing.T) {
	dir := fastDir(t)
	c := mustNew(t, Config{Directory: dir})
	if _, err := New(Config{Directory: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second cache in one directory: %v, want ErrLocked", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	newTest(t, Config{Directory: dir})
}

// What is not a good record with its bytes is removed at the start, and nothing of it is served.
func TestDamageFoundAtTheStart(t *testing.T) {
	damages := map[string]func(rec, dat string) error{
		"the record is empty":         func(rec, _ string) error { return os.Truncate(rec, 0) },
		"the record is cut":           func(rec, _ string) error { return os.Truncate(rec, 50) },
		"a byte of the record is off": func(rec, _ string) error { return flip(rec, 40) },
		"the bytes are gone":          func(_, dat string) error { return os.Remove(dat) },
		"the record is gone":          func(rec, _ string) error { return os.Remove(rec) },
		"the bytes are cut":           func(_, dat string) error { return os.Truncate(dat, sliceBytes) },
		"a byte is off":               func(_, dat string) error { return flip(dat, 2*sliceBytes+5) },
		"the first byte is off":       func(_, dat string) error { return flip(dat, 0) },
		"it is another object's":      func(rec, _ string) error { return os.Rename(rec, filepath.Join(filepath.Dir(rec), "0-1.rec")) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := fastDir(t)
			src := newSource(newTruth(1, 3*sliceBytes))
			c := mustNew(t, Config{Directory: dir})
			mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			recs, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*.rec"))
			dats, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*.dat"))
			if err := damage(recs[0], dats[0]); err != nil {
				t.Fatal(err)
			}
			c = mustNew(t, Config{Directory: dir})
			mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
			asked := src.requests()
			mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
			if src.requests() != asked {
				t.Error("it was not stored again")
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			checkDir(t, dir, truths{"o": {src.t}}, false)
		})
	}
}

// flip changes one byte of a file.
func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 0x40
	_, err = f.WriteAt(b[:], at)
	return err
}

// full tells whether to run the full counts.
func full() bool { return os.Getenv("BRANCHPOINT_FULL") != "" }

func TestManyObjectsOnDisk(t *testing.T) {
	n := 2000
	if full() {
		n = 100_000
	}
	dir := fastDir(t)
	known := newTruth(1, 100)
	for i := range n {
		if err := writeKnown(dir, known, fmt.Sprintf("object %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	started := time.Now()
	c := newTest(t, Config{Directory: dir})
	ready := time.Since(started)
	src := newSource(newTruth(1, 100))
	mustFetch(t, c, Key{Name: fmt.Sprintf("object %d", n-1)}, src, 0, -1)
	first := time.Since(started)
	s := awaitCount(t, c)
	counted := time.Since(started)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d objects: New %v, first hit %v, all counted %v, %d bytes of memory an object",
		n, ready, first, counted, (after.HeapAlloc-before.HeapAlloc)/uint64(n))
	if s.Objects != n || src.requests() != 0 {
		t.Errorf("%d objects found, want %d; a known one was asked for %d times", s.Objects, n, src.requests())
	}
	if full() && first > time.Second { // a busy machine is slow, and the figure needs a quiet one
		t.Errorf("the first hit came after %v", first)
	}
}

// writeKnown puts a complete object of 100 bytes on disk, as an earlier process would have left it.
func writeKnown(dir string, known truth, name string) error {
	data := known.block[:100]
	sum := checksum(data)
	r := record{
		Version: recordVersion, Name: text(name), Size: 100, LastModified: known.info.LastModified, SliceBytes: sliceBytes,
		Created: time.Now(), Present: bits{1}, Sums: []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)},
	}
	line, err := r.encode()
	if err != nil {
		return err
	}
	base := filepath.Join(dir, filepath.FromSlash(newBase(name)))
	return errors.Join(os.MkdirAll(filepath.Dir(base), 0o700),
		os.WriteFile(base+".rec", line, 0o600), os.WriteFile(base+".dat", data, 0o600))
}
