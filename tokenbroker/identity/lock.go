package identity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"branchpoint/tokenbroker/secretfile"
)

const (
	// lockFile is empty. It stays: the record itself is replaced by each writer, so that a lock on it would be one on nothing.
	lockFile = "registration.lock"
	// lockPatience is how long another process may write the record, which takes some milliseconds, until we give up.
	lockPatience = 5 * time.Second
)

// lockRecord keeps all others, in this process and in other ones, from writing the record until unlock is called.
func lockRecord(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockFile)
	if err := makeLock(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	lock := flock.New(path)
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("another process holds it")
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = lock.Close() }, nil // closing ends the lock, also where that is an error
}

// makeLock makes the file of the lock where there is none, as the files beside it are made: what an administrator makes, the
// service can open.
func makeLock(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := secretfile.MakeDirectory(filepath.Dir(path)); err != nil {
		return err
	}
	if err := secretfile.Create(path, "", nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
