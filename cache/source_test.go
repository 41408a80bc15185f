package cache

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
)

// fakeSource is an origin in memory that keeps count of what it gave and can be made to misbehave.
type fakeSource struct {
	mu           sync.Mutex
	t            truth
	err          error // what every Stat and Open fails with
	rangeless    bool  // only from the first byte on
	whole        bool  // a stream goes on to the end of the object, however little was asked for
	cutAt        int64 // a stream fails at this offset with cutErr; below zero never
	cutErr       error
	gate         chan struct{} // each Read takes one token; nil lets all pass
	stats, opens int
	given        []span
}

// span is the bytes [from, to).
type span struct{ from, to int64 }

func newSource(t truth) *fakeSource { return &fakeSource{t: t, cutAt: -1} }

func (s *fakeSource) Stat(ctx context.Context) (Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats++
	if s.err != nil {
		return Info{}, s.err
	}
	return s.t.info, ctx.Err()
}

func (s *fakeSource) Open(ctx context.Context, want *Info, off, n int64) (Info, io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	info := s.t.info
	switch {
	case ctx.Err() != nil:
		return Info{}, nil, ctx.Err()
	case off < 0 || n < 0:
		panic(fmt.Sprintf("the cache asks for %d+%d", off, n))
	case s.err != nil:
		return Info{}, nil, s.err
	case s.rangeless && off > 0:
		return Info{}, nil, fmt.Errorf("opening: %w", ErrNoRange)
	case want != nil && (want.Size != info.Size || !want.LastModified.Equal(info.LastModified)):
		return Info{}, nil, fmt.Errorf("opening: %w", ErrChanged)
	case off >= info.Size:
		return info, nil, nil
	}
	end := min(off+n, info.Size)
	if s.whole || s.rangeless {
		end = info.Size
	}
	return info, &fakeStream{ctx: ctx, s: s, t: s.t, off: off, end: end}, nil
}

// set changes the source under its lock.
func (s *fakeSource) set(change func(*fakeSource)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// total returns how many bytes were given, and how many of them more than once.
func (s *fakeSource) total() (total, twice int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sorted := slices.Clone(s.given)
	slices.SortFunc(sorted, func(a, b span) int { return int(a.from - b.from) })
	var reached int64
	for _, g := range sorted {
		total += g.to - g.from
		twice += max(0, min(reached, g.to)-g.from)
		reached = max(reached, g.to)
	}
	return total, twice
}

// requests returns how often the source was asked.
func (s *fakeSource) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats + s.opens
}

type fakeStream struct {
	ctx      context.Context
	s        *fakeSource
	t        truth
	off, end int64
}

func (f *fakeStream) Read(p []byte) (int, error) {
	f.s.mu.Lock()
	gate := f.s.gate
	f.s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-f.ctx.Done():
			return 0, f.ctx.Err()
		}
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	end := f.end
	if f.s.cutAt >= 0 && f.s.cutAt >= f.off {
		end = min(end, f.s.cutAt)
	}
	n := int(min(int64(len(p)), end-f.off))
	if n == 0 && end == f.end {
		return 0, io.EOF
	}
	if n == 0 {
		return 0, f.s.cutErr
	}
	f.t.fill(p[:n], f.off)
	if last := len(f.s.given) - 1; last >= 0 && f.s.given[last].to == f.off {
		f.s.given[last].to += int64(n)
	} else {
		f.s.given = append(f.s.given, span{f.off, f.off + int64(n)})
	}
	f.off += int64(n)
	return n, nil
}

func (f *fakeStream) Close() error { return nil }
