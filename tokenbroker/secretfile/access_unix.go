//go:build !windows

package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// seal and unseal leave the text as it is: the modes of the files protect it.
func seal(text []byte, _ string) ([]byte, error) { return text, nil }

func unseal(text []byte, _ string) ([]byte, error) { return text, nil }

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

// inherit gives what root makes to the owner of the directory around it.
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
	f, err := os.CreateTemp(dir, ".part-*") // for the owner only
	if err != nil {
		return nil, err
	}
	if err = errors.Join(inherit(f), f.Chmod(mode)); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

func open(path string) (*os.File, error) { return os.Open(path) }

// checkAccess refuses a secret that others may have read, or may have put there.
func checkAccess(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notAFile(f.Name())
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("others than the owner may use %s (mode %04o); close it with: chmod 600 %[1]s", f.Name(), perm)
	}
	dir := filepath.Dir(f.Name())
	if info, err = os.Stat(dir); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return fmt.Errorf("others than the owner may change files in %s (mode %04o); close it with: chmod 700 %[1]s", dir, perm)
	}
	return nil
}

// checkGiven refuses a secret that everybody may read or change, and one that a group may change. In a directory that all
// may write to, only the sticky bit keeps them from putting another file there.
func checkGiven(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notAFile(f.Name())
	}
	if perm := info.Mode().Perm(); perm&0o027 != 0 {
		return fmt.Errorf("users that it is not for may use %s (mode %04o); close it with: chmod 640 %[1]s", f.Name(), perm)
	}
	dir := filepath.Dir(f.Name())
	if info, err = os.Stat(dir); err != nil {
		return err
	}
	if m := info.Mode(); m.Perm()&0o002 != 0 && m&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody may change files in %s (mode %04o); close it with: chmod o-w %[1]s", dir, m.Perm())
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
