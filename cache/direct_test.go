package cache

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// metered is a source that notes what each stream was asked for, and how many streams are open.
type metered struct {
	*fakeSource

	mu         sync.Mutex
	asked      []span
	open, most int
}

func (m *metered) Open(ctx context.Context, want *Info, off, n int64) (Info, io.ReadCloser, error) {
	info, stream, err := m.fakeSource.Open(ctx, want, off, n)
	if stream == nil {
		return info, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, span{off, off + n})
	m.open++
	m.most = max(m.most, m.open)
	return info, &meteredStream{ReadCloser: stream, m: m}, err
}

type meteredStream struct {
	io.ReadCloser
	m    *metered
	once sync.Once
}

func (s *meteredStream) Close() error {
	s.once.Do(func() {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.open--
	})
	return s.ReadCloser.Close()
}

// TestPastTheDiskAWindowAtATime: a reader that takes its time keeps no stream of the origin for longer than a window.
func TestPastTheDiskAWindowAtATime(t *testing.T) {
	const window = 2 * sliceBytes
	c := newTest(t, Config{WindowBytes: window})
	src := &metered{fakeSource: newSource(newTruth(70, 7*sliceBytes+5))}
	r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.health.failed(syscall.EIO)
	j := &judge{t: src.t, off: 100}
	n, err := r.WriteRange(j, 100, src.t.info.Size-100)
	if err != nil || n != src.t.info.Size-100 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	want := []span{{100, 100 + window}, {100 + window, 100 + 2*window}, {100 + 2*window, 100 + 3*window}, {100 + 3*window, src.t.info.Size}}
	if !slices.Equal(src.asked, want) || src.most != 1 || src.open != 0 {
		t.Errorf("asked for %v, %d streams at a time, %d left open; want %v, 1 and 0", src.asked, src.most, src.open, want)
	}
	if o := r.Outcome(); o.Direct != n {
		t.Errorf("%d bytes count as past the disk, want %d", o.Direct, n)
	}
}

// changer has a new version of its object after the first bytes.
type changer struct {
	w     io.Writer
	after func()
	once  sync.Once
}

func (c *changer) Write(p []byte) (int, error) {
	c.once.Do(c.after)
	return c.w.Write(p)
}

// TestAChangeBetweenWindowsPastTheDisk: no reader gets a mixture of two versions.
func TestAChangeBetweenWindowsPastTheDisk(t *testing.T) {
	c := newTest(t, Config{WindowBytes: sliceBytes})
	src := newSource(newTruth(71, 3*sliceBytes))
	r, err := c.Open(t.Context(), Key{Name: "o"}, src, Use{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.health.failed(syscall.EIO)
	w := &changer{w: &judge{t: src.t}, after: func() {
		src.set(func(s *fakeSource) { s.t = newTruth(72, 4*sliceBytes) })
	}}
	if n, err := r.WriteRange(w, 0, 3*sliceBytes); n != sliceBytes || !errors.Is(err, ErrChanged) {
		t.Errorf("%d bytes, %v; want the first window and ErrChanged", n, err)
	}
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
}

// TestARangelessObjectOfSeveralWindowsPastTheDisk: what is to be had as a whole only is asked for twice, not once a window.
func TestARangelessObjectOfSeveralWindowsPastTheDisk(t *testing.T) {
	c := newTest(t, Config{WindowBytes: sliceBytes})
	src := newSource(newTruth(73, 9*sliceBytes))
	src.rangeless = true
	c.health.failed(syscall.EIO)
	mustFetch(t, c, Key{Name: "o"}, src, 0, -1)
	if total, _ := src.total(); total > 11*sliceBytes {
		t.Errorf("upstream gave %d bytes for an object of %d", total, src.t.info.Size)
	}
}
