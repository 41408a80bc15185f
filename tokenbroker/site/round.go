package site

import (
	"context"
	"time"
)

// patience is how long one waits for a way that is not known to fail, while there is another one, or an older answer. A
// management point over a slow line answers well within it.
const patience = 3 * time.Second

// errBusy stands for ways that have not answered yet.
var errBusy = newTrouble("there is no answer yet")

// round asks one way after the other until one answers. Those that are known to fail find out on the side whether they still
// do. Questions that were put go on when nobody waits for them any more, so that the next one finds their answers.
type round[V any] struct {
	doing string // for the error
	ways  []*way
	ask   func(*way) *flight[V]
	// spare says that the caller has something else: it waits for ways that are not known to fail, and not long.
	spare bool
	now   func() time.Time
}

// walk is the state of a round.
type walk[V any] struct {
	round[V]
	came chan *flight[V] // with room for every way
	rest []*way          // not asked yet
	left int             // asked, without an answer so far
	errs []error
	// lead is the question that is worth waiting for, until patience ends. Nil: there is none.
	lead   *flight[V]
	leader *way
	enough <-chan time.Time
	joined []*flight[V]
}

func (r round[V]) run(ctx context.Context) (V, error) {
	var nothing V
	w := &walk[V]{round: r, came: make(chan *flight[V], len(r.ways)), rest: r.ways}
	defer func() {
		for _, f := range w.joined {
			f.leave()
		}
	}()
	for {
		w.advance()
		if w.lead == nil && (w.left == 0 || w.spare) {
			if w.left > 0 {
				w.errs = append(w.errs, errBusy)
			}
			return nothing, allOf(r.doing, w.errs)
		}
		select {
		case f := <-w.came:
			if f.err == nil {
				return f.value, nil
			}
			w.left--
			w.errs = append(w.errs, f.err)
			if f == w.lead {
				w.lead = nil
			}
		case <-w.enough:
			if w.lead != nil {
				w.leader.circuit.lag()
				w.lead = nil
			}
		case <-ctx.Done():
			return nothing, ctx.Err()
		}
	}
}

// advance asks ways until one is worth waiting for.
func (w *walk[V]) advance() {
	for w.lead == nil && len(w.rest) > 0 {
		next := w.rest[0]
		w.rest = w.rest[1:]
		ready, err := next.circuit.look(w.now())
		if err != nil {
			w.errs = append(w.errs, err)
			continue
		}
		f := w.ask(next)
		w.joined = append(w.joined, f)
		f.tell(w.came)
		w.left++
		if ready {
			w.lead, w.leader, w.enough = f, next, time.After(patience)
		}
	}
}
