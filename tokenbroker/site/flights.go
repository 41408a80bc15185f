package site

import (
	"context"
	"sync"
)

// maxFlights bounds the questions of one kind that are under way or wait for their turn.
const maxFlights = 1024

// flights makes one question of those for the same key that are asked at the same time.
type flights[K comparable, V any] struct {
	mu    sync.Mutex
	under map[K]*flight[V] // under way
}

// flight is one question, for all who want its answer.
type flight[V any] struct {
	mu    sync.Mutex
	over  bool
	value V
	err   error
	heard []chan<- *flight[V] // who is to be told
}

var (
	errClosed  = newTrouble("the site is not asked any more: the program ends")
	errCrowded = newTrouble("too many questions wait for an answer")
)

// join returns the question about key that is under way, or starts one. ask runs on a goroutine of w.
func (f *flights[K, V]) join(w *workers, key K, ask func(context.Context) (V, error)) *flight[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.under[key]; ok {
		return under
	}
	next := &flight[V]{}
	if len(f.under) >= maxFlights {
		next.over, next.err = true, errCrowded
		return next
	}
	started := w.start(func(ctx context.Context) {
		value, err := ask(ctx)
		f.mu.Lock()
		delete(f.under, key)
		f.mu.Unlock()
		next.land(value, err)
	})
	if !started {
		next.over, next.err = true, errClosed
		return next
	}
	if f.under == nil {
		f.under = map[K]*flight[V]{}
	}
	f.under[key] = next
	return next
}

func (f *flight[V]) land(value V, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.value, f.err = true, value, err
	for _, ch := range f.heard {
		ch <- f
	}
	f.heard = nil
}

// tell sends f to ch, which has room for it, when f is over. Only then its value and err may be read.
func (f *flight[V]) tell(ch chan<- *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		ch <- f
		return
	}
	f.heard = append(f.heard, ch)
}

// wait returns the answer, unless ctx ends first.
func (f *flight[V]) wait(ctx context.Context) (V, error) {
	ch := make(chan *flight[V], 1)
	f.tell(ch)
	select {
	case <-ch:
		return f.value, f.err
	case <-ctx.Done():
		var nothing V
		return nothing, ctx.Err()
	}
}
