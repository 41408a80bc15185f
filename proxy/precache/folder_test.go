package precache

import (
	"path/filepath"
	"testing"
)

// TestOpenFolder: a folder is made where there is none, and opened again.
func TestOpenFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "cache-jobs")
	for range 2 {
		d, err := openFolder(path)
		if err != nil {
			t.Fatal(err)
		}
		if ids, err := d.ids(); err != nil || len(ids) > 0 {
			t.Errorf("the jobs are %q, %v, want none", ids, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
