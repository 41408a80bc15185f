package precache

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// user is what the cache knows of us. A first client that asks for the same file later is somebody else to it, so that what
// was fetched for him counts as used again from then on.
const user = "precache"

// fill reads what is missing of a file through the cache, which keeps it.
func (j *job) fill(ctx context.Context, f *file, t content.Target) (Result, error) {
	m := j.owner
	had := m.stored(t, f.size)
	if sick := m.unwell(); sick != nil && had < f.size {
		return "", fmt.Errorf("%w: %w", errNotStored, sick)
	}
	src := &watched{Source: m.config.Origins.Source(t)}
	r, err := m.config.Store.Open(ctx, keyOf(t), src, cache.Use{Client: user, Length: -1})
	if err != nil {
		return "", err
	}
	defer r.Close()
	j.resize(f, r.Info().Size)
	read, err := j.drain(ctx, f, r, max(had, 0))
	switch {
	case err != nil:
		return "", err
	case read > 0 || src.opened.Load(): // a small file may have come before we looked
		return ResultFetched, nil
	}
	return ResultThere, nil
}

// drain reads what is missing of a file, and nothing else: there may be much of it. had bytes were there a moment ago.
func (j *job) drain(ctx context.Context, f *file, r *cache.Reader, had int64) (read int64, err error) {
	t := newTally(r)
	f.stored.Store(t.stored)
	j.brought(max(t.stored-had, 0))
	for from, to := t.gap(0); from < to; from, to = t.gap(to) {
		s := &sink{ctx: ctx, job: j, file: f, tally: t, off: from, first: int(from / step)}
		n, err := r.WriteRange(s, from, to-from)
		read += n
		if err != nil {
			return read, err
		}
		if r.Outcome().Direct > 0 {
			return read, errNotStored
		}
		t.lookAt(s.first, int(to/step)+1)
		s.count()
	}
	f.stored.Store(t.size)
	return read, nil
}

// brought counts bytes that came.
func (j *job) brought(n int64) {
	j.meter.add(j.owner.config.Now(), n)
	j.owner.metrics.bytes.Add(float64(n))
}

// watched is a Source that knows whether it was asked for bytes.
type watched struct {
	cache.Source
	opened atomic.Bool
}

// Open implements cache.Source.
func (w *watched) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	w.opened.Store(true)
	return w.Source.Open(ctx, want, off, n)
}
