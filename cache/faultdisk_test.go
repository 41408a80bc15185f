package cache

import (
	"sync"
	"time"
)

// faultDisk is a disk that fails on demand.
type faultDisk struct {
	disk
	mu   sync.Mutex
	errs map[string]error // by operation
	late bool             // WriteFile takes effect before it fails
	free int64            // what Free says, zero for the truth
}

// openFaulty returns what goes into Config.openDisk.
func (d *faultDisk) open(directory string) (disk, error) {
	real, err := openRootDisk(directory)
	d.disk = real
	return d, err
}

// breakWith makes operations fail; with no names it mends everything.
func (d *faultDisk) breakWith(err error, operations ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = map[string]error{}
	for _, op := range operations {
		d.errs[op] = err
	}
}

func (d *faultDisk) fault(op string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.errs[op]
}

func (d *faultDisk) wrap(f file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{f, d}, nil
}

func (d *faultDisk) Create(name string, size int64) (file, error) {
	if err := d.fault("create"); err != nil {
		return nil, err
	}
	return d.wrap(d.disk.Create(name, size))
}

func (d *faultDisk) Open(name string) (file, error) {
	if err := d.fault("open"); err != nil {
		return nil, err
	}
	return d.wrap(d.disk.Open(name))
}

func (d *faultDisk) List(folder string) ([]string, error) {
	if err := d.fault("list"); err != nil {
		return nil, err
	}
	return d.disk.List(folder)
}

func (d *faultDisk) ReadFile(name string) ([]byte, time.Time, error) {
	if err := d.fault("read"); err != nil {
		return nil, time.Time{}, err
	}
	return d.disk.ReadFile(name)
}

func (d *faultDisk) WriteFile(name string, data []byte) error {
	err := d.fault("write")
	if err != nil && !d.late {
		return err
	}
	if err := d.disk.WriteFile(name, data); err != nil {
		return err
	}
	return err
}

func (d *faultDisk) Remove(name string) error {
	if err := d.fault("remove"); err != nil {
		return err
	}
	return d.disk.Remove(name)
}

func (d *faultDisk) Touch(name string, t time.Time) error {
	if err := d.fault("touch"); err != nil {
		return err
	}
	return d.disk.Touch(name, t)
}

func (d *faultDisk) Free() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.errs["free"]; err != nil {
		return 0, err
	}
	if d.free > 0 {
		return d.free, nil
	}
	return d.disk.Free()
}

func (d *faultDisk) setFree(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = n
}

type faultFile struct {
	file
	d *faultDisk
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.d.fault("readat"); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

// WriteAt writes half when it fails.
func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.d.fault("writeat"); err != nil {
		n, _ := f.file.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.file.WriteAt(p, off)
}

func (f *faultFile) Sync() error {
	if err := f.d.fault("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}
