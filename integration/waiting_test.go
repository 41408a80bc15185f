package integration

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// filesIn lists the files below a directory whose names end so.
func filesIn(t testing.TB, dir, suffix string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			paths = append(paths, path)
		}
		return err
	})
	must(t, err)
	return paths
}

// eventually waits until what is asked is true, and fails the test when it does not become so.
func eventually(t testing.TB, limit time.Duration, what string, ask func() bool) {
	t.Helper()
	deadline := time.After(limit)
	for !ask() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// isWrong tells whether a download met a wrong byte, and not only an end.
func isWrong(err error) bool { return errors.As(err, new(wrongByte)) }
