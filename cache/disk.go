package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/robustio"
)

// disk is what the cache needs of a file system, so that tests can break it. Names are slash-separated and relative to
// the cache directory.
type disk interface {
	// Create makes a sparse file of the given size for reading and writing. What an earlier try left there is emptied.
	Create(name string, size int64) (file, error)
	Open(name string) (file, error)
	// List returns the names of the files in a folder, none when there is no such folder.
	List(folder string) ([]string, error)
	ReadFile(name string) ([]byte, time.Time, error)
	// WriteFile replaces a file. When it returns nil, the new content survives a power cut, and with it every file that was
	// created in its folder before; when it fails, the old content or the new is there. Either is whole.
	WriteFile(name string, data []byte) error
	Remove(name string) error
	// Touch sets the modification time.
	Touch(name string, t time.Time) error
	// Free returns the free bytes of the file system that holds the directory.
	Free() (int64, error)
	// Reopen makes the directory again after it was removed.
	Reopen() error
	Close() error
}

// file is an open data file. Its methods may be used by several goroutines at once.
type file interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Sync() error
	Size() (int64, error)
	Close() error
}

// rootDisk is the real disk. os.Root keeps every name inside the directory.
type rootDisk struct {
	directory string
	root      atomic.Pointer[os.Root]
}

var _ disk = (*rootDisk)(nil)

func openRootDisk(directory string) (disk, error) {
	d := &rootDisk{directory: directory}
	if err := d.Reopen(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *rootDisk) Reopen() error {
	if err := os.MkdirAll(d.directory, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(d.directory)
	if err != nil {
		return err
	}
	if old := d.root.Swap(root); old != nil {
		return old.Close()
	}
	return nil
}

func (d *rootDisk) Create(name string, size int64) (file, error) {
	f, err := d.create(name)
	if err != nil {
		return nil, err
	}
	if err = markSparse(f); err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), d.Remove(name))
	}
	return osFile{f}, nil
}

func (d *rootDisk) create(name string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	root := d.root.Load()
	f, err := root.OpenFile(name, flags, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	return root.OpenFile(name, flags, 0o600)
}

func (d *rootDisk) Open(name string) (file, error) {
	f, err := d.root.Load().OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *rootDisk) List(folder string) ([]string, error) {
	f, err := d.root.Load().Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d *rootDisk) ReadFile(name string) ([]byte, time.Time, error) {
	root := d.root.Load()
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	st, err := root.Stat(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	return data, st.ModTime(), nil
}

// WriteFile: open name.tmp, write, fsync, close, rename over name, fsync the folder and those that it is in, since they may
// be new. To sync a folder in which nothing changed costs nothing.
func (d *rootDisk) WriteFile(name string, data []byte) error {
	temp := name + ".tmp"
	f, err := d.create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(temp, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replacing %s: %w", name, err), d.Remove(temp))
	}
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		if err := syncFolder(d.root.Load(), folder); err != nil || folder == "." {
			return err
		}
	}
}

// rename goes by full path because robustio does: on Windows a virus scanner may hold the file for a moment.
func (d *rootDisk) rename(from, to string) error {
	return robustio.Rename(filepath.Join(d.directory, from), filepath.Join(d.directory, to))
}

func (d *rootDisk) Remove(name string) error {
	if err := d.root.Load().Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d *rootDisk) Touch(name string, t time.Time) error { return d.root.Load().Chtimes(name, t, t) }
func (d *rootDisk) Free() (int64, error)                 { return freeBytes(d.directory) }
func (d *rootDisk) Close() error                         { return d.root.Load().Close() }

// osFile is a file of the real disk.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
