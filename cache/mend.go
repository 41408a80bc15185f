package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// probeEvery is how often a failing disk is tried again, whether or not anybody wants to store.
const probeEvery = 5 * time.Second

// mendLoop finds out when a disk that failed works again, when a full cache has room again, and does what failed then.
func (c *Cache) mendLoop() {
	for c.rest(probeEvery) {
		c.mend()
	}
}

func (c *Cache) mend() {
	if !c.health.good() {
		if err := c.probe(); err != nil {
			c.health.failed(err)
			return
		}
		c.health.worked()
		c.log.Info("the disk of the cache works again")
		for i := range c.index.folders {
			c.load(i)
		}
	}
	for _, e := range c.index.takeLeftovers() {
		c.erase(e)
	}
	c.roomAgain()
}

// probe does on the disk what storing a slice takes. A directory that was removed is made again, and locked: the old lock
// went with the old directory.
func (c *Cache) probe() error {
	err := c.tryDisk()
	if errors.Is(err, fs.ErrNotExist) {
		if err := c.disk.Reopen(); err != nil {
			return fmt.Errorf("making the cache directory again: %w", err)
		}
		if err := c.lock.Unlock(); err != nil {
			return fmt.Errorf("giving up the lock of the removed directory: %w", err)
		}
		for _, e := range c.index.all() {
			c.giveUp(e) // its files went with the directory; who has them open reads on
		}
		err = c.tryDisk()
	}
	if err == nil && !c.lock.Locked() {
		err = lockDirectory(c.lock)
	}
	return err
}

func (c *Cache) tryDisk() error {
	const name = "blobs/probe"
	written, read := bytes.Repeat([]byte{0xa5}, sliceBytes), make([]byte, sliceBytes)
	f, err := c.disk.Create(name, sliceBytes)
	if err != nil {
		return fmt.Errorf("trying the disk: %w", err)
	}
	_, err = f.WriteAt(written, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = f.ReadAt(read, 0)
	}
	if err == nil && !bytes.Equal(written, read) {
		err = errors.New("it gives other bytes than it took")
	}
	err = errors.Join(err, f.Close(), c.disk.Remove(name))
	if err == nil {
		err = errors.Join(c.disk.WriteFile(name, written[:1]), c.disk.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("trying the disk: %w", err)
	}
	return nil
}

func newLock(directory string) *flock.Flock { return flock.New(filepath.Join(directory, "lock")) }

// lockDirectory fails with ErrLocked when another process has the lock.
func lockDirectory(lock *flock.Flock) error {
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("locking %s: %w", lock.Path(), err)
	case !ok:
		return fmt.Errorf("locking %s: %w", lock.Path(), ErrLocked)
	}
	return nil
}
