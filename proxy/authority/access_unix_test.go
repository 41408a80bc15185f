//go:build !windows

package authority_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"branchpoint/proxy/authority"
)

func TestModes(t *testing.T) {
	dir := created(t, "dp1.example.com")
	if _, err := authority.Rotate(dir, namesFor(t, "dp1.example.com")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		dir: 0o700, filepath.Dir(dir): 0o700, dir + "/ca.key": 0o600, dir + "/ca.next.key": 0o600, dir + "/ca.pem": 0o644, dir + "/ca.next.pem": 0o644,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %04o, want %04o", path, got, want)
		}
	}
}

func TestOpenToOthers(t *testing.T) {
	for _, test := range []struct {
		name, file string
		mode       fs.FileMode
		want       string
	}{
		{"a key that everybody may read", "/ca.key", 0o644, "chmod 600 "},
		{"a key that a group may read", "/ca.key", 0o640, "chmod 600 "},
		{"a key that others may write", "/ca.key", 0o602, "chmod 600 "},
		{"a directory that everybody may write", "", 0o777, "chmod 700 "},
		{"a directory that a group may write", "", 0o770, "chmod 700 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := created(t, "dp1.example.com")
			if err := os.Chmod(dir+test.file, test.mode); err != nil {
				t.Fatal(err)
			}
			_, loadErr := authority.Load(dir)
			_, readErr := authority.Read(dir)
			_, rotateErr := authority.Rotate(dir, namesFor(t, "dp1.example.com"))
			for verb, err := range map[string]error{"Load": loadErr, "Read": readErr, "Rotate": rotateErr} {
				if err == nil || !strings.Contains(err.Error(), test.want+dir+test.file) {
					t.Errorf("%s = %v, want how to close it", verb, err)
				}
			}
		})
	}
	dir := created(t, "dp1.example.com")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Load(dir); err != nil {
		t.Errorf("a directory that others may list is refused: %v", err)
	}
}

// TestOwner has root make an authority in a directory of somebody else, who has to be able to use it.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("BRANCHPOINT_REQUIRE") != "" {
			t.Fatal("this has to run as root")
		}
		t.Skip("this has to run as root")
	}
	home := t.TempDir()
	if err := os.Chown(home, 65532, 65533); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "branchpoint", "ca")
	if _, err := authority.Create(dir, namesFor(t, "dp1.example.com")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(dir), dir, dir + "/ca.key", dir + "/ca.pem"} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 65532 || owner.Gid != 65533 {
			t.Errorf("%s belongs to %d:%d, want 65532:65533", path, owner.Uid, owner.Gid)
		}
	}
}
