package precache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

const (
	mib       = 1 << 20
	pointURL  = "http://dp1.example"
	packageID = "PS100015"
)

// world is a distribution point, a cloud one with its storage, and a site, all in memory.
type world struct {
	mu      sync.Mutex
	files   map[string][]byte // by path
	missing map[string]bool
	fails   map[string]error         // by folded path: what Open says
	breaks  map[string]error         // by folded path: how a stream ends, one time
	gates   map[string]chan struct{} // by folded path: no byte before it is closed
	opens   map[string]int           // by folded path
	ranges  []string                 // "path off n", in the order in which they came
	now     int                      // streams that have bytes to give
	most    int
	pace    time.Duration // of each 64 KiB
	listErr error
	lists   int
	find    func(id string, version int, way string) ([]Place, error)
	finds   []string
}

func newWorld(files map[string][]byte) *world {
	return &world{
		files: files, missing: map[string]bool{}, fails: map[string]error{}, breaks: map[string]error{},
		gates: map[string]chan struct{}{}, opens: map[string]int{},
	}
}

// data is n bytes that tell where they are.
func data(name string, n int) []byte {
	line := []byte(name + " 0123456789abcdef ")
	return bytes.Repeat(line, n/len(line)+1)[:n]
}

// Find implements Finder.
func (w *world) Find(_ context.Context, id string, version int, way string) ([]Place, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finds = append(w.finds, fmt.Sprintf("%s %d %q", id, version, way))
	if w.find == nil {
		return nil, errors.New("the site is silent")
	}
	return w.find(id, version, way)
}

// List implements Lister.
func (w *world) List(_ context.Context, folder content.Target) (list []ListedFile, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists++
	if w.listErr != nil {
		return nil, w.listErr
	}
	if folder.Host != "dp1.example:80" {
		return nil, errors.New("there is no such content")
	}
	for _, path := range slices.Sorted(maps.Keys(w.files)) {
		list = append(list, ListedFile{path, int64(len(w.files[path]))})
	}
	return list, nil
}

// Hierarchy implements Origins.
func (w *world) Hierarchy(t content.Target) string {
	if t.ID.Share == content.Blob {
		return "host:" + t.Host
	}
	return "default"
}

// Source implements Origins.
func (w *world) Source(t content.Target) cache.Source { return &origin{w, t} }

// origin supplies one file of a world.
type origin struct {
	world  *world
	target content.Target
}

// look returns the file, and what stands in its way.
func (o *origin) look() (body []byte, gate chan struct{}, err error) {
	w := o.world
	w.mu.Lock()
	defer w.mu.Unlock()
	path := o.target.ID.Path
	for name, b := range w.files {
		if strings.EqualFold(name, path) {
			body = b
		}
	}
	switch {
	case w.fails[path] != nil:
		return nil, nil, w.fails[path]
	case body == nil || w.missing[path]:
		return nil, nil, fmt.Errorf("%w: %s", cache.ErrMissing, path)
	case strings.Contains(o.target.Raw, "spent"):
		return nil, nil, fmt.Errorf("%w: status 403", cache.ErrRefused)
	}
	return body, w.gates[path], nil
}

func (o *origin) Stat(context.Context) (cache.Info, error) {
	body, _, err := o.look()
	return cache.Info{Size: int64(len(body)), LastModified: time.Unix(1700000000, 0).UTC()}, err
}

func (o *origin) Open(ctx context.Context, _ *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	w, path := o.world, o.target.ID.Path
	body, gate, err := o.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opens[path]++
	if err != nil {
		return cache.Info{}, nil, err
	}
	w.ranges = append(w.ranges, fmt.Sprint(path, " ", off, " ", n))
	info := cache.Info{Size: int64(len(body)), LastModified: time.Unix(1700000000, 0).UTC()}
	if off >= info.Size {
		return info, nil, nil
	}
	w.now++
	w.most = max(w.most, w.now)
	return info, &stream{ctx: ctx, world: w, path: path, gate: gate, rest: body[off:min(off+n, info.Size)]}, nil
}

// stream gives the bytes of one window.
type stream struct {
	ctx   context.Context
	world *world
	path  string
	gate  chan struct{}
	rest  []byte
	ended bool
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	if err := s.world.broken(s.path); err != nil {
		return 0, err
	}
	if s.world.pace > 0 {
		p = p[:min(len(p), 64<<10)]
		if err := wait(s.ctx, s.world.pace); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	if s.rest = s.rest[n:]; len(s.rest) == 0 {
		s.over()
	}
	return n, nil
}

func (s *stream) Close() error {
	s.over()
	return nil
}

// over counts the stream no longer: it has given its last byte, or is closed before.
func (s *stream) over() {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.world.now--
	}
}

// broken returns how a stream is to end, one time.
func (w *world) broken(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.breaks[path]
	delete(w.breaks, path)
	return err
}

// set changes a world that is being asked.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// opened is how often a file was asked for.
func (w *world) opened(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opens[path]
}
