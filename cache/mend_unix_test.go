//go:build !windows

package cache

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
)

// A directory that is removed is made again, and belongs to one process as before.
func TestARemovedDirectoryIsLockedAgain(t *testing.T) {
	for _, taken := range []bool{false, true} {
		dir := fastDir(t)
		synctest.Test(t, func(t *testing.T) {
			c := mustNew(t, Config{Directory: dir, scrubEvery: -1})
			src := newSource(newTruth(1, 10))
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			var other *Cache
			if taken {
				other = mustNew(t, Config{Directory: dir, scrubEvery: -1})
			}
			mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
			pass(4 * probeEvery)
			if taken {
				if _, err := c.health.state(); !errors.Is(err, ErrLocked) {
					t.Errorf("the directory is another's now, and the state is %v", err)
				}
				if err := other.Close(); err != nil {
					t.Error(err)
				}
				pass(2 * probeEvery)
			}
			if got := c.Status(); got.State != StateOK {
				t.Errorf("taken %v: %+v", taken, got)
			}
			if _, err := New(Config{Directory: dir}); !errors.Is(err, ErrLocked) {
				t.Errorf("taken %v: a second cache opens the directory: %v", taken, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
