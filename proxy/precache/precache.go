// Package precache fetches a content before anyone asks: it finds out who has it, lists its files, and reads each one
// through the cache as a client would.
//
// So a file that is there is not fetched again, one that a client is fetching is fetched once, and what a job has stored is
// found by clients under the names by which they ask. A job outlives the program: what is still to be done is in a small
// file, and what is done is in the cache.
//
// Order of locks: Jobs.starts, then Jobs.mu, then job.mu. None is held across network I/O; Jobs.starts is while a job's file is
// written, and Jobs.mu while one is removed.
package precache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Jobs is made of. Dir, Store, Origins and Lister must be set.
type Config struct {
	// Finder asks the site who has a content. Nil: there is no site, and a content is only looked for at Points and at what a
	// Request names.
	Finder Finder
	// Points returns the URLs of the configured distribution points, best first. They are asked when the site cannot say who
	// has a content. Nil: there are none.
	Points func() []string
	// Lister lists the files of a content at a distribution point.
	Lister Lister
	// Origins supply the files, and say which hierarchy a server belongs to.
	Origins Origins
	// Storage tells whether a host, a name in lower case, is a storage service whose blobs clients are served from the cache.
	// Nil: none is, and content of the cloud cannot be fetched.
	Storage func(host string) bool
	// Store is the cache.
	Store Store
	// Dir holds a small file for each job, and nothing else. It is made when it does not exist. It must not be in the
	// directory of the cache.
	Dir string
	// Parallel is how many files are fetched side by side, those of all jobs counted together. Zero means 4.
	Parallel int
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Registerer takes the metrics. Nil means that nobody wants them.
	Registerer prometheus.Registerer
	// Logger takes what becomes of jobs. Nil means silence.
	Logger *slog.Logger
}

// maxParallel is far above what a link or a distribution point has any use for.
const maxParallel = 64

func (c *Config) complete() error {
	switch {
	case c.Dir == "":
		return errors.New("precache: a directory for the jobs is needed")
	case c.Store == nil || c.Origins == nil || c.Lister == nil:
		return errors.New("precache: a cache, origins and somebody who lists are needed")
	case c.Parallel < 0 || c.Parallel > maxParallel:
		return fmt.Errorf("precache: %d files side by side; 1 to %d are possible", c.Parallel, maxParallel)
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.Points == nil {
		c.Points = func() []string { return nil }
	}
	if c.Storage == nil {
		c.Storage = func(string) bool { return false }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Jobs runs what is asked of it, and remembers what came of it. It is used by several goroutines at once.
type Jobs struct {
	config  Config
	log     *slog.Logger
	metrics *metrics
	folder  folder
	slots   chan struct{} // one for each file that is being fetched

	ctx  context.Context
	stop context.CancelCauseFunc
	work sync.WaitGroup // the running jobs

	starts sync.Mutex // makes a check and what follows from it one step; held while the job's file is written

	mu      sync.Mutex
	closed  bool
	running []*job // the oldest first
	ended   []Job  // the one that ended first comes first
}

// New makes a Jobs, and goes on with the jobs that were running when the program ended.
func New(config Config) (*Jobs, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	m := &Jobs{config: config, log: config.Logger, slots: make(chan struct{}, config.Parallel)}
	var err error
	if m.folder, err = openFolder(config.Dir); err != nil {
		return nil, fmt.Errorf("precache: opening the directory of the jobs: %w", err)
	}
	if m.metrics, err = newMetrics(config.Registerer, m.count); err != nil {
		return nil, errors.Join(fmt.Errorf("precache: registering the metrics: %w", err), m.folder.Close())
	}
	m.ctx, m.stop = context.WithCancelCause(context.Background())
	if err := m.resume(); err != nil {
		return nil, errors.Join(fmt.Errorf("precache: reading the jobs: %w", err), m.Close(context.Background()))
	}
	return m, nil
}

// errClosing is why a job stops that goes on after the next start.
var errClosing = errors.New("the program ends")

// Close stops the running jobs where they are; the next New goes on with them. It returns when they have stopped, or when
// ctx ends. The cache must be closed after it. A second Close does nothing.
func (m *Jobs) Close(ctx context.Context) error {
	m.mu.Lock()
	again := m.closed
	m.closed = true
	m.mu.Unlock()
	if again {
		return nil
	}
	m.stop(errClosing)
	stopped := make(chan struct{})
	go func() { defer close(stopped); m.work.Wait() }()
	select {
	case <-stopped:
	case <-ctx.Done():
		return fmt.Errorf("precache: waiting for the jobs to stop: %w", context.Cause(ctx))
	}
	m.metrics.unregister(m.config.Registerer)
	return m.folder.Close()
}

// count is how many jobs are running.
func (m *Jobs) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.running)
}
