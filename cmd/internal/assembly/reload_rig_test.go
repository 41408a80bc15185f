package assembly

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"branchpoint/configs"
)

// rig is a reloader over real parts, and the file that it reads.
type rig struct {
	*reloader
	*testing.T
	dir, file string
	says      *book
}

// book is a log that several goroutines write.
type book struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// newRig assembles a configuration.
func newRig(t *testing.T, text string) *rig {
	t.Helper()
	return newRigIn(t, t.TempDir(), text)
}

// newRigIn assembles a configuration in a directory, whose other files are there already.
func newRigIn(t *testing.T, dir, text string) *rig {
	t.Helper()
	r := &rig{T: t, dir: dir, says: new(book)}
	r.file = filepath.Join(r.dir, "branchpoint.yaml")
	r.write(text)
	load := func() (*configs.Config, error) { return configs.Load(r.file) }
	c, err := load()
	r.must(err)
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(r.says, &slog.HandlerOptions{Level: level}))
	doors, err := openDoors(c)
	r.must(err)
	t.Cleanup(doors.close)
	shared, err := newShared(c, doors, log)
	r.must(err)
	at, err := openStation(c, shared)
	r.must(err)
	t.Cleanup(func() { r.must(at.close()) })
	broker, err := newBroker(c, at, shared)
	r.must(err)
	t.Cleanup(func() { r.must(closeBroker(broker)) })
	pool, err := newPool(c, broker, at, shared)
	r.must(err)
	t.Cleanup(pool.Close)
	store, err := newCache(c, shared)
	r.must(err)
	t.Cleanup(func() { r.must(store.Close()) })
	observer := newObserver(broker, c)
	front, err := newProxy(c, store, pool, observer, at, shared)
	r.must(err)
	t.Cleanup(front.Close)
	jobs := openJobs(c, at, pool, store, shared)
	t.Cleanup(func() { r.must(jobs.close()) })
	r.must(doors.open(c, front, shared.files.shown))
	r.reloader = &reloader{
		load: load, level: level, log: log, running: c, files: shared.files,
		shared: shared, doors: doors, station: at, jobs: jobs, broker: broker, pool: pool, store: store, front: front, observer: observer,
	}
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) write(text string) {
	r.Helper()
	text += "\nadmin: {address: '127.0.0.1:0', token_file: token}\ninterception: {ca_directory: ca}\n"
	if !strings.Contains(text, "cache:") {
		text += "cache: {directory: cache, min_free_bytes: 0}\n"
	}
	r.must(os.WriteFile(r.file, []byte(text), 0o600))
}

// reloads wants a reload to change these settings, and no others.
func (r *rig) reloads(changed ...string) {
	r.Helper()
	done, err := r.Reload()
	r.must(err)
	if !slices.Equal(done.Changed, changed) || len(done.NeedRestart) > 0 {
		r.Fatalf("a reload has changed %q, want %q; a restart is needed for %q", done.Changed, changed, done.NeedRestart)
	}
}

// state is what can be seen of the settings in force.
func (r *rig) state() string {
	h := http.Header{}
	_, err := r.broker.Authorize(r.Context(), "default", h)
	var b strings.Builder
	fmt.Fprintln(&b, h, err)
	fmt.Fprintln(&b, r.pool.Status(), r.store.Status().MaxBytes, r.front.Interception(), r.level, r.broker.Status())
	for _, d := range r.doors.clients {
		fmt.Fprintln(&b, d.status(), d.front.Settings().Hosts, d.front.Settings().ConnectPorts)
	}
	return b.String()
}
