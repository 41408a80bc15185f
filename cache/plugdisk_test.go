package cache

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// plugDisk is a disk in memory that knows what would survive a power cut: what was synced does, and of the rest any part.
type plugDisk struct {
	mu      sync.Mutex
	rng     *rand.Rand
	left    int                  // operations until the plug is pulled
	now     map[string]*plugFile // what a program sees
	durable map[string]*plugFile // the names that are certain
	cut     map[string][]byte    // what is left, once the plug is pulled
}

// plugFile is a file with its bytes as seen, as synced, and what was written in between.
type plugFile struct {
	d            *plugDisk
	data, synced []byte
	unsynced     []span
}

func newPlugDisk(seed uint64, operations int) *plugDisk {
	return &plugDisk{
		rng: rand.New(rand.NewPCG(seed, 5)), left: operations,
		now: map[string]*plugFile{}, durable: map[string]*plugFile{},
	}
}

// operate counts an operation, and fails it when the plug is pulled. d.mu is held.
func (d *plugDisk) operate() error {
	if d.left--; d.left == 0 {
		d.pull()
	}
	if d.cut != nil {
		return syscall.EIO
	}
	return nil
}

// pull decides what is left. Of a name that is not certain either state may be there.
func (d *plugDisk) pull() {
	d.cut = map[string][]byte{}
	names := maps.Clone(d.now)
	maps.Copy(names, d.durable)
	for name := range names {
		f := d.now[name]
		if d.durable[name] != f && d.rng.IntN(2) == 0 {
			f = d.durable[name]
		}
		if f != nil {
			d.cut[name] = f.remains()
		}
	}
}

// remains keeps, loses or tears each write that was not synced.
func (f *plugFile) remains() []byte {
	rng := f.d.rng
	if f.synced == nil && rng.IntN(3) == 0 {
		return nil // not even the size
	}
	left := make([]byte, len(f.data))
	copy(left, f.synced)
	for _, w := range f.unsynced {
		switch rng.IntN(3) {
		case 0:
			copy(left[w.from:w.to], f.data[w.from:w.to])
		case 1:
			for at := w.from; at < w.to; at += 4096 {
				if end := min(at+4096, w.to); rng.IntN(2) == 0 {
					copy(left[at:end], f.data[at:end])
				}
			}
		}
	}
	return left
}

// materialise writes what is left into a directory.
func (d *plugDisk) materialise(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut == nil {
		d.pull()
	}
	for name, data := range d.cut {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, data, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (d *plugDisk) Create(name string, size int64) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.operate(); err != nil {
		return nil, err
	}
	f := &plugFile{d: d, data: make([]byte, size)}
	d.now[name] = f
	return f, nil
}

func (d *plugDisk) Open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.operate(); err != nil {
		return nil, err
	}
	if f := d.now[name]; f != nil {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

func (d *plugDisk) List(folder string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.now {
		if path.Dir(name) == folder {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

func (d *plugDisk) ReadFile(name string) ([]byte, time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.operate(); err != nil {
		return nil, time.Time{}, err
	}
	if f := d.now[name]; f != nil {
		return f.data, time.Time{}, nil
	}
	return nil, time.Time{}, fs.ErrNotExist
}

// WriteFile makes its content, its name and all other names in the folder certain. The plug may be pulled before it, while
// both the old and the new name are possible, or after it.
func (d *plugDisk) WriteFile(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.operate(); err != nil {
		return err
	}
	d.now[name] = &plugFile{d: d, data: data, synced: data}
	if err := d.operate(); err != nil {
		return err
	}
	maps.DeleteFunc(d.durable, func(n string, _ *plugFile) bool { return path.Dir(n) == path.Dir(name) })
	for n, f := range d.now {
		if path.Dir(n) == path.Dir(name) {
			d.durable[n] = f
		}
	}
	return d.operate()
}

func (d *plugDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.operate(); err != nil {
		return err
	}
	delete(d.now, name)
	return nil
}

func (d *plugDisk) Touch(string, time.Time) error { return nil }
func (d *plugDisk) Free() (int64, error)          { return 1 << 40, nil }
func (d *plugDisk) Reopen() error                 { return nil }
func (d *plugDisk) Close() error                  { return nil }

func (f *plugFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.cut != nil {
		return 0, syscall.EIO
	}
	n := copy(p, f.data[min(off, int64(len(f.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *plugFile) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.operate(); err != nil {
		return 0, err
	}
	f.unsynced = append(f.unsynced, span{off, off + int64(len(p))})
	return copy(f.data[off:], p), nil
}

func (f *plugFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.operate(); err != nil {
		return err
	}
	f.synced, f.unsynced = append([]byte(nil), f.data...), nil
	return nil
}

func (f *plugFile) Size() (int64, error) { return int64(len(f.data)), nil }
func (f *plugFile) Close() error         { return nil }
