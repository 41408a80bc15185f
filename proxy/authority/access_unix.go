//go:build !windows

package authority

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// seal and unseal leave the text as it is: the modes of the files protect it.
func seal(text []byte) ([]byte, error) { return text, nil }

func unseal(text []byte) ([]byte, error) { return text, nil }

// makeDirectory makes a directory, and those above it, for the owner only.
func makeDirectory(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeDirectory(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// What was opened is what was made, or at least a directory, even when somebody puts something else there meanwhile.
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(inherit(d), d.Close())
}

// inherit gives what root makes to the owner of the directory around it: an administrator makes the authority, and the
// service, which is not root, uses it.
func inherit(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// create makes a temporary file of a mode, which belongs to whom the directory belongs to.
func create(dir string, mode fs.FileMode) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".ca-*") // for the owner only
	if err != nil {
		return nil, err
	}
	if err = errors.Join(inherit(f), f.Chmod(mode)); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// checkAccess refuses a secret that others may have read, or may have put there.
func checkAccess(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", f.Name())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("others than the owner may use %s (mode %04o); close it with: chmod 600 %[1]s", f.Name(), mode)
	}
	dir := filepath.Dir(f.Name())
	if info, err = os.Stat(dir); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("others than the owner may change files in %s (mode %04o); close it with: chmod 700 %[1]s", dir, mode)
	}
	return nil
}

// replace moves a file over what is there.
func replace(from, to string) error { return os.Rename(from, to) }

// placeNew moves a file to a name that is not in use.
func placeNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}

// syncDirectory makes renames in a directory outlast a crash.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
