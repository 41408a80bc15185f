//go:build !windows

package secretfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"branchpoint/tokenbroker/secretfile"
)

func TestModes(t *testing.T) {
	dir := private(t)
	path, public := filepath.Join(dir, "secret"), filepath.Join(dir, "public")
	if err := errors.Join(secretfile.Write(path, "test", []byte("x")), secretfile.WritePublic(public, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{path: 0o600, public: 0o644, dir: 0o700, filepath.Dir(dir): 0o700} {
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
		name      string
		file, dir fs.FileMode
		read      string // what Read says; empty: it reads
		given     string // what Given says
	}{
		{"closed", 0o600, 0o700, "", ""},
		{"read only", 0o400, 0o500, "", ""},
		{"a directory that others may list", 0o600, 0o755, "", ""},
		{"a group may read", 0o640, 0o700, "chmod 600 ", ""},
		{"everybody may read", 0o644, 0o700, "chmod 600 ", "chmod 640 "},
		{"a group may write", 0o660, 0o700, "chmod 600 ", "chmod 640 "},
		{"others may write", 0o602, 0o700, "chmod 600 ", "chmod 640 "},
		{"a group may write to the directory", 0o600, 0o770, "chmod 700 ", ""},
		{"everybody may write to the directory", 0o600, 0o777, "chmod 700 ", "chmod o-w "},
		{"everybody may add to the directory", 0o600, 0o777 | fs.ModeSticky, "chmod 700 ", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := private(t)
			path := filepath.Join(dir, "secret")
			if err := secretfile.Write(path, "test", []byte("x")); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.file); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, test.dir); err != nil {
				t.Fatal(err)
			}
			_, readErr := secretfile.Read(path, "test")
			_, givenErr := secretfile.Given(path)
			for verb, got := range map[string]struct {
				err  error
				want string
			}{"Read": {readErr, test.read}, "Given": {givenErr, test.given}} {
				if got.want == "" && got.err != nil || got.want != "" && (got.err == nil || !strings.Contains(got.err.Error(), got.want+dir)) {
					t.Errorf("%s = %v, want %q", verb, got.err, got.want)
				}
			}
		})
	}
}

// TestPipe gives a pipe for a file: to open it would wait for ever.
func TestPipe(t *testing.T) {
	path := filepath.Join(private(t), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Given(path); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("Given of a pipe = %v", err)
	}
}

// TestOwner has root write into a directory of somebody else, who has to be able to use it.
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
	dir := filepath.Join(home, "branchpoint", "identity")
	path, public := filepath.Join(dir, "secret"), filepath.Join(dir, "public")
	if err := secretfile.MakeDirectory(dir); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(secretfile.Write(path, "test", []byte("x")), secretfile.WritePublic(public, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(dir), dir, path, public} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 65532 || owner.Gid != 65533 {
			t.Errorf("%s belongs to %d:%d, want 65532:65533", path, owner.Uid, owner.Gid)
		}
	}
}
