// Package cache keeps objects on disk and fills them slice by slice: the disk is the tee.
//
// A fill writes upstream bytes into a sparse file. Every reader, the first like the hundredth, reads that file through a
// Reader, which waits until its bytes are there. So hits and misses, ranges, many readers of one download and a reader
// that leaves early are one case.
//
// A bit says that a slice is whole. It is set after the whole slice is written, and recorded on disk after the slice is
// synced; after a restart only recorded bits count, and each slice is checked against its checksum before its first use.
// When the disk is full or failing, readers are served straight from their Source: a failure of the cache is never a
// failure of the reader.
//
// Lock order: background.scrubs, then one of folder.mu, blob.verifying and entry.mu, then one of the others, under which no
// lock is taken. No lock is held across upstream I/O. Across disk I/O only those four are, space.mu while the disk says how
// much is free, and blob.mu while a blob that nobody uses is closed.
package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"
)

// Config says how a cache behaves. Only Directory must be set.
type Config struct {
	// Directory holds everything. It is created when it is missing. One process at a time uses it.
	Directory string
	// MaxBytes is the budget for stored bytes. Zero means 50 GiB.
	MaxBytes int64
	// MinFreeBytes is the free space that the cache leaves on the disk. Zero means none.
	MinFreeBytes int64
	// CheckAfter is the age at which a mutable object is checked with its Source. Zero means a minute.
	CheckAfter time.Duration
	// ParallelWindows is how many windows of one object are read ahead side by side. Zero means 4.
	ParallelWindows int
	// WindowBytes is the most that one request asks upstream for, rounded up to slices of 1 MiB. Zero means 4 MiB.
	WindowBytes int64
	// OpenFiles is how many files stay open although nobody reads them. Zero means 256.
	OpenFiles int
	// Registerer takes the metrics. Nil means that nobody wants them.
	Registerer prometheus.Registerer
	// Logger gets warnings of the disk. Nil means that nobody wants them.
	Logger *slog.Logger

	// openDisk replaces the real disk in tests that break it.
	openDisk func(directory string) (disk, error)
	// scrubEvery replaces the week from one check of every slice to the next in tests. Negative means never.
	scrubEvery time.Duration
}

// ErrLocked says that another process uses the directory.
var ErrLocked = errors.New("the cache directory is in use by another process")

// A Cache is a directory of objects.
type Cache struct {
	config  Config
	limits  atomic.Pointer[limits]
	log     *slog.Logger
	metrics *metrics
	lock    *flock.Flock
	disk    disk
	health  health
	space   space
	index   index
	flights flights
	background
	buffers buffers
}

// background is what lives as long as the cache: fills, the recorder, the scrub, the mending and the loading of the index.
type background struct {
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
	// scrubs is read-locked by every scrub, those that others run as well, and locked by Close.
	scrubs sync.RWMutex
}

// New opens the cache in config.Directory. It returns as soon as the directory is locked: what is in it is found when it
// is asked for, and counted in the background.
func New(config Config) (*Cache, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	first, err := config.limits()
	if err != nil {
		return nil, err
	}
	d, err := config.openDisk(config.Directory)
	if err != nil {
		return nil, fmt.Errorf("opening the cache directory: %w", err)
	}
	lock := newLock(config.Directory)
	if err := lockDirectory(lock); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	c := &Cache{config: config, log: config.Logger, lock: lock, disk: d}
	c.limits.Store(first)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.metrics = newMetrics(c, config.Registerer)
	c.index.init()
	c.flights.running = map[string]*flight{}
	c.buffers.init()
	c.work.Go(c.loadAll)
	c.work.Go(c.recordLoop)
	c.work.Go(c.scrubLoop)
	c.work.Go(c.mendLoop)
	return c, nil
}

func (config *Config) complete() error {
	if config.Directory == "" {
		return errors.New("cache: no directory is given")
	}
	if config.OpenFiles < 0 {
		return errors.New("cache: a limit is negative")
	}
	setDefault(&config.scrubEvery, 7*24*time.Hour)
	setDefault(&config.OpenFiles, 256)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.openDisk == nil {
		config.openDisk = openRootDisk
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Close ends the fills, records what they have written, and frees the directory. Readers must have been closed before.
func (c *Cache) Close() error {
	c.stop()
	c.scrubs.Lock()
	defer c.scrubs.Unlock()
	c.work.Wait()
	c.mend()
	c.recordAll()
	c.work.Wait() // what recording gave up is being removed
	c.index.closeAll()
	return errors.Join(c.disk.Close(), c.lock.Unlock())
}
