package site

import (
	"context"
	"sync"
)

// workers owns the goroutines that ask. They live on a context of their own: who asked first may leave, the others still
// want the answer.
type workers struct {
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

func newWorkers() *workers {
	w := &workers{}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// start runs f on a goroutine. It is false when the workers are closed; then f does not run.
func (w *workers) start(f func(context.Context)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.all.Go(func() { f(w.ctx) })
	return true
}

// close ends the context of all goroutines and waits for them, until ctx ends.
func (w *workers) close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	done := make(chan struct{})
	// This goroutine outlives close only when a client does not come back.
	go func() { w.all.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
