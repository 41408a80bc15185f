//go:build !windows

package cache

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// descriptors counts the open files of this process. It is not known everywhere.
func descriptors(t *testing.T) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system has no /proc/self/fd")
	}
	return len(names)
}

func TestACloseLeavesNothingBehind(t *testing.T) {
	before := descriptors(t)
	dir := fastDir(t)
	for round := range 2 {
		c := mustNew(t, Config{Directory: dir, OpenFiles: 3})
		for i := range 20 {
			mustFetch(t, c, Key{Name: fmt.Sprint(i)}, newSource(newTruth(uint64(i), sliceBytes)), 0, -1)
		}
		c.Remove("3")
		// The first time all stay open until they are recorded. Directory, lock and the poller take some.
		if open := descriptors(t) - before; round == 1 && open > 3+6 {
			t.Errorf("%d descriptors are open, three objects may be", open)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(stack, "cache.(*") {
			t.Errorf("a goroutine is left:\n%s", stack)
		}
	}
}
