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
	under map[K]*joined[V] // under way
}

// joined is a flight with how many wait for it, which flights.mu guards.
type joined[V any] struct {
	*flight[V]
	waiting int
}

// flight is one question, for all who want its answer.
type flight[V any] struct {
	leave func() // says, once for each join, that the answer is not waited for any more

	mu    sync.Mutex
	over  bool
	value V
	err   error
	heard []chan<- *flight[V] // who is to be told
}

var (
	errClosed   = newTrouble("the site is not asked any more: the program ends")
	errCrowded  = newTrouble("too many questions wait for an answer")
	errUnwanted = newTrouble("the site was not asked: nobody waits for the answer")
)

// join returns the question about key that is under way, or starts one. ask runs on a goroutine of w. It may find out whether
// somebody still waits; when nobody does, it is to give up, and who joins later starts a question of his own.
func (f *flights[K, V]) join(w *workers, key K, ask func(ctx context.Context, wanted func() bool) (V, error)) *flight[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.under[key]; ok {
		under.waiting++
		return under.flight
	}
	next := &joined[V]{flight: &flight[V]{}, waiting: 1}
	next.leave = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		next.waiting--
	}
	if len(f.under) >= maxFlights {
		next.over, next.err = true, errCrowded
		return next.flight
	}
	started := w.start(func(ctx context.Context) {
		value, err := ask(ctx, func() bool { return f.wanted(key, next) })
		f.remove(key, next)
		next.land(value, err)
	})
	if !started {
		next.over, next.err = true, errClosed
		return next.flight
	}
	if f.under == nil {
		f.under = map[K]*joined[V]{}
	}
	f.under[key] = next
	return next.flight
}

// wanted tells whether somebody waits for a flight. Otherwise nobody can join it any more.
func (f *flights[K, V]) wanted(key K, one *joined[V]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting > 0 {
		return true
	}
	delete(f.under, key)
	return false
}

// remove takes a flight away, unless another one has its key.
func (f *flights[K, V]) remove(key K, one *joined[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.under[key] == one {
		delete(f.under, key)
	}
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

// wait returns the answer, unless ctx ends first, and leaves.
func (f *flight[V]) wait(ctx context.Context) (V, error) {
	defer f.leave()
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
