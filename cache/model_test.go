package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// world is a cache, what upstream has, and every generation that upstream ever had: all that a naive model needs.
type world struct {
	t       *testing.T
	dir     string
	c       *Cache
	known   truths
	sources map[string]*fakeSource
	mu      sync.Mutex
	seeds   uint64
}

const worldBudget = 12 << 20

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: fastDir(t), known: truths{}, sources: map[string]*fakeSource{}}
	for i, size := range []int64{0, 500, sliceBytes, 2*sliceBytes + 3, 5 * sliceBytes, 9*sliceBytes + 9} {
		for _, kind := range []string{"versioned", "mutable"} {
			name := fmt.Sprint(kind, " ", i)
			w.seeds++
			w.known[name] = []truth{newTruth(w.seeds, size)}
			w.sources[name] = newSource(w.known[name][0])
		}
	}
	w.start()
	return w
}

func (w *world) start() {
	w.c = mustNew(w.t, Config{
		Directory: w.dir, MaxBytes: worldBudget, CheckAfter: 1, scrubEvery: -1, OpenFiles: 2, ParallelWindows: 2, WindowBytes: 2 << 20,
	})
}

func (w *world) key(name string) Key {
	return Key{Name: name, Mutable: strings.HasPrefix(name, "mutable"), Group: "g", Origin: "dp"}
}

func (w *world) anyName(rng *rand.Rand) string {
	return fmt.Sprint([]string{"versioned", "mutable"}[rng.IntN(2)], " ", rng.IntN(len(w.sources)/2))
}

// change gives a mutable object other bytes and, half the time, another size.
func (w *world) change(rng *rand.Rand, name string) {
	if !w.key(name).Mutable {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seeds++
	next := newTruth(w.seeds, w.known[name][0].info.Size+int64(rng.IntN(2)))
	w.known[name] = append(w.known[name], next)
	w.sources[name].set(func(s *fakeSource) { s.t = next })
}

// truthOf returns the generation that a reader says it reads, and whether it is the newest.
func (w *world) truthOf(name string, info Info) (found truth, newest bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.known[name] {
		if t.info.Size == info.Size && t.info.LastModified.Equal(info.LastModified) {
			return t, i == len(w.known[name])-1
		}
	}
	w.t.Errorf("%s: nobody ever had %+v", name, info)
	return w.known[name][0], false
}

// open returns nil when upstream changed in between.
func (w *world) open(ctx context.Context, rng *rand.Rand, name string) *Reader {
	use := Use{Client: fmt.Sprint(rng.IntN(3)), Offset: rng.Int64N(3 * sliceBytes), Length: rng.Int64N(3*sliceBytes) - 1}
	r, err := w.c.Open(ctx, w.key(name), w.sources[name], use)
	if err != nil {
		w.t.Errorf("opening %s: %v", name, err)
		return nil
	}
	return r
}

// read reads a range that may be abandoned in the middle. A generation that upstream has no more may end with ErrChanged.
func (w *world) read(rng *rand.Rand, name string, r *Reader) {
	t, newest := w.truthOf(name, r.Info())
	off := rng.Int64N(t.info.Size + 1)
	n := rng.Int64N(t.info.Size - off + 1)
	limit := n + 1
	if rng.IntN(4) == 0 {
		limit = 1 + rng.Int64N(sliceBytes)
	}
	got, err := r.WriteRange(&leaver{judge{t, off}, limit, func() {}}, off, n)
	switch {
	case err == nil && got != n:
		w.t.Errorf("%s: %d bytes of %d and no error", name, got, n)
	case errors.Is(err, ErrChanged):
		if _, still := w.truthOf(name, r.Info()); newest && still {
			w.t.Errorf("%s: %v, but it is the newest", name, err)
		}
	case err != nil && !errors.Is(err, errLeft):
		w.t.Errorf("%s from %d: %v", name, off, err)
	}
}

// restart ends the cache, checks what is on disk, damages some of it, and begins again.
func (w *world) restart(rng *rand.Rand) {
	w.c.Scrub(0) // finds what was damaged the last time and has not been read since
	if err := w.c.Close(); err != nil {
		w.t.Error(err)
	}
	checkQuiet(w.t, w.c)
	found := checkDir(w.t, w.dir, w.known, false)
	files, err := filepath.Glob(filepath.Join(w.dir, "blobs", "*", "*.dat"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range files {
		if st, err := os.Stat(path); err != nil || st.Size() == 0 || rng.IntN(3) > 0 {
			continue
		} else if err := flip(path, rng.Int64N(st.Size())); err != nil {
			w.t.Error(err)
		}
	}
	w.start()
	if found.bytes <= worldBudget { // what the entries themselves cost may exceed it while all is open or pinned
		checkAccount(w.t, w.c, found)
	}
}

func TestRandomOperationsAgainstAModel(t *testing.T) {
	seeds := 3
	if full() {
		seeds = 100
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 21))
		w := newWorld(t)
		open := map[*Reader]string{}
		closeAll := func() {
			for r := range open {
				r.Close()
			}
			clear(open)
		}
		for range 150 {
			w.step(rng, open, closeAll)
			checkIndex(t, w.c)
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		}
		closeAll()
		w.restart(rng)
		w.end()
	}
}

func (w *world) step(rng *rand.Rand, open map[*Reader]string, closeAll func()) {
	name := w.anyName(rng)
	switch dice := rng.IntN(40); {
	case dice < 12:
		if r := w.open(w.t.Context(), rng, name); r != nil {
			if _, newest := w.truthOf(name, r.Info()); !newest {
				w.t.Errorf("%s: an old generation was opened, and its check was due", name)
			}
			open[r] = name
		}
	case dice < 28:
		for r, name := range open {
			w.read(rng, name, r)
			break
		}
	case dice < 32:
		for r := range open {
			r.Close()
			delete(open, r)
			break
		}
	case dice < 34:
		w.change(rng, name)
	case dice < 35:
		w.c.Remove(name)
	case dice < 36:
		w.c.Pin(name, rng.IntN(3) == 0)
	case dice < 37:
		w.c.Scrub(0)
	case dice < 38:
		closeAll()
		w.restart(rng)
	default:
		w.sources[name].set(func(s *fakeSource) { s.rangeless, s.whole = rng.IntN(4) == 0, rng.IntN(4) == 0 })
	}
}

// end closes the world and leaves nothing wrong on disk but what was damaged on purpose.
func (w *world) end() {
	w.c.Scrub(0)
	if err := w.c.Close(); err != nil {
		w.t.Error(err)
	}
	checkQuiet(w.t, w.c)
	checkDir(w.t, w.dir, w.known, false)
}

func TestEverythingAtOnce(t *testing.T) {
	rounds := 25
	if full() {
		rounds = 1000
	}
	w := newWorld(t)
	herd(8, func(i int) {
		rng := rand.New(rand.NewPCG(uint64(i), 22))
		for range rounds {
			name := w.anyName(rng)
			ctx, cancel := context.WithCancel(t.Context())
			if r := w.open(ctx, rng, name); r != nil {
				for range rng.IntN(3) {
					w.read(rng, name, r)
				}
				r.Close()
			}
			cancel()
			switch rng.IntN(20) {
			case 0:
				w.change(rng, name)
			case 1:
				w.c.Remove(name)
			case 2:
				w.c.Pin(name, rng.IntN(4) == 0)
			case 3:
				w.c.Scrub(0)
			case 4:
				w.sources[name].set(func(s *fakeSource) { s.rangeless = rng.IntN(3) == 0 })
			}
			checkIndex(t, w.c)
		}
	})
	w.end()
}
