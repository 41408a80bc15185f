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
		dir: 0o700, dir + "/ca.key": 0o600, dir + "/ca.next.key": 0o600, dir + "/ca.pem": 0o644, dir + "/ca.next.pem": 0o644,
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

// TestOpenToOthers has every verb refuse a key that is not ours alone.
func TestOpenToOthers(t *testing.T) {
	dir := created(t, "dp1.example.com")
	if err := os.Chmod(dir+"/ca.key", 0o644); err != nil {
		t.Fatal(err)
	}
	_, loadErr := authority.Load(dir)
	_, readErr := authority.Read(dir)
	_, _, publicErr := authority.ReadPublic(dir)
	_, rotateErr := authority.Rotate(dir, namesFor(t, "dp1.example.com"))
	_, activateErr := authority.Activate(dir)
	for verb, err := range map[string]error{
		"Load": loadErr, "Read": readErr, "ReadPublic": publicErr, "Rotate": rotateErr, "Activate": activateErr,
	} {
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+dir+"/ca.key") {
			t.Errorf("%s = %v, want how to close it", verb, err)
		}
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
