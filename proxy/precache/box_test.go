package precache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// box is a cache and the jobs on it, as a program has them. It can be closed and opened again.
type box struct {
	t     *testing.T
	world *world
	dir   string
	store *cache.Cache
	jobs  *Jobs
	log   *book
	cache func(*cache.Config)
	tune  func(*Config)
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

// newBox opens a box. tune may be nil.
func newBox(t *testing.T, w *world, tune func(*Config)) *box {
	t.Helper()
	b := &box{t: t, world: w, dir: t.TempDir(), log: &book{}, tune: tune}
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *box) open() {
	b.t.Helper()
	c := cache.Config{Directory: filepath.Join(b.dir, "cache"), MaxBytes: 1 << 30, CheckAfter: time.Hour}
	if b.cache != nil {
		b.cache(&c)
	}
	var err error
	if b.store, err = cache.New(c); err != nil {
		b.t.Fatal(err)
	}
	config := Config{
		Lister: b.world, Origins: b.world, Store: b.store, Dir: filepath.Join(b.dir, "jobs"),
		Logger: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if b.tune != nil {
		b.tune(&config)
	}
	if b.jobs, err = New(config); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) close() {
	if b.jobs == nil {
		return
	}
	if err := errors.Join(b.jobs.Close(context.Background()), b.store.Close()); err != nil {
		b.t.Error(err)
	}
	b.jobs = nil
}

// start begins a job.
func (b *box) start(r Request) Job {
	b.t.Helper()
	j, _, err := b.jobs.Start(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// rest lets everything come as far as it can without an answer.
func (b *box) rest() {
	b.t.Helper()
	if err := wait(b.t.Context(), time.Second); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// end waits until a job has ended. Time has to be that of a bubble.
func (b *box) end(id string) Job {
	b.t.Helper()
	for range 10_000 {
		j, ok := b.jobs.Job(id, 0, -1)
		if !ok {
			b.t.Fatalf("the job %s is gone", id)
		}
		if j.State.Ended() {
			return j
		}
		if err := wait(b.t.Context(), 100*time.Millisecond); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatalf("the job %s does not end", id)
	return Job{}
}

// wantResults compares what became of each file.
func wantResults(t *testing.T, j Job, want map[string]Result) {
	t.Helper()
	got := map[string]Result{}
	for _, f := range j.Files {
		got[f.Path] = f.Result
	}
	if !maps.Equal(got, want) {
		t.Errorf("the files are %v, want %v", got, want)
	}
	var c Counts
	for _, r := range want {
		*c.of(r)++
		c.Files++
	}
	if j.Counts != c {
		t.Errorf("the counts are %+v, want %+v", j.Counts, c)
	}
}

// wantStored reads a file as a client that comes by another spelling, from a cache whose origins have all gone.
func (b *box) wantStored(scheme, host, raw string, want []byte) {
	b.t.Helper()
	target, ok := content.Parse(scheme, host, raw)
	if !ok {
		target, ok = content.ParseBlob(scheme, host, raw)
	}
	if !ok {
		b.t.Fatalf("%s is no content", raw)
	}
	target.ID.Hierarchy = b.world.Hierarchy(target)
	r, err := b.store.Open(b.t.Context(), keyOf(target), dead{}, cache.Use{Client: "somebody", Length: -1})
	if err != nil {
		b.t.Errorf("%s: %v", raw, err)
		return
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		b.t.Errorf("%s: %d bytes, %v; want %d bytes", raw, len(got), err, len(want))
	}
}

// dead is an origin that does not answer.
type dead struct{}

func (dead) Stat(context.Context) (cache.Info, error) { return cache.Info{}, cache.ErrUnreachable }
func (dead) Open(context.Context, *cache.Info, int64, int64) (cache.Info, io.ReadCloser, error) {
	return cache.Info{}, nil, cache.ErrUnreachable
}
