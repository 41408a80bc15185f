package ccm

import (
	"context"
	"sync"
)

// flight makes one fetch of those that are asked for at the same time. It runs on the goroutine of the caller that came
// first; the others wait for its result. When the first one gives up, the next takes over.
type flight[T any] struct {
	mu      sync.Mutex
	current *result[T] // nil when nobody fetches
}

// result is set before done is closed.
type result[T any] struct {
	done    chan struct{}
	value   T
	err     error
	givenUp bool
}

func (f *flight[T]) do(ctx context.Context, fetch func(context.Context) (T, error)) (T, error) {
	for {
		r, mine := f.join()
		if mine {
			return f.lead(ctx, r, fetch)
		}
		select {
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		case <-r.done:
			if !r.givenUp {
				return r.value, r.err
			}
		}
	}
}

// join returns the fetch in progress, or a new one that is the caller's to make.
func (f *flight[T]) join() (r *result[T], mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil {
		return f.current, false
	}
	f.current = &result[T]{done: make(chan struct{}), givenUp: true}
	return f.current, true
}

func (f *flight[T]) lead(ctx context.Context, r *result[T], fetch func(context.Context) (T, error)) (T, error) {
	defer func() { // also when fetch panics: then the next one takes over
		f.mu.Lock()
		f.current = nil
		f.mu.Unlock()
		close(r.done)
	}()
	r.value, r.err = fetch(ctx)
	r.givenUp = r.err != nil && ctx.Err() != nil
	return r.value, r.err
}
