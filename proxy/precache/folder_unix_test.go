//go:build !windows

package precache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeignFolder: where others can put files, they could have us do their jobs.
func TestForeignFolder(t *testing.T) {
	for name, c := range map[string]struct {
		mode  os.FileMode
		owner int // -1: us
		want  string
	}{
		"everybody may add files": {0o777, -1, "chmod 700"},
		"also in a sticky one":    {0o777 | os.ModeSticky, -1, "chmod 700"},
		"a group may add files":   {0o770, -1, "chmod 700"},
		"others may look":         {0o755, -1, ""},
		"of somebody else":        {0o700, 65534, "belongs to another user"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jobs")
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if c.owner >= 0 && os.Geteuid() != 0 {
				t.Skip("this has to run as root")
			}
			if err := os.Chown(path, c.owner, -1); err != nil {
				t.Fatal(err)
			}
			d, err := openFolder(path)
			if err == nil {
				defer d.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("opening it: %v, want %q", err, c.want)
			}
		})
	}
}
