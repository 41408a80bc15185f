package proxy

import (
	"context"
	"errors"
	"sync"
)

// errQuestionPanicked says that a bug ended a question. What it was is in the log.
var errQuestionPanicked = errors.New("asking a server panicked")

// questions are those that are being put to servers, by what they are about. Requests that want to know the same thing at the
// same time wait for the same answer: a thousand clients that begin together are one request upstream.
type questions[About comparable, Answer any] struct {
	// panicked is told of a bug: a panic in a goroutine of ours would end the process.
	panicked func(cause any)

	mu   sync.Mutex
	open map[About]*question[Answer]
}

// question is one that is being asked. Those who wait for it own it: the last one who leaves early ends it, and waits for
// its end.
type question[Answer any] struct {
	cancel context.CancelFunc

	waiting int // guarded by questions.mu

	done   chan struct{}
	answer Answer // to be read when done is closed, as err
	err    error
}

// put returns the answer to a question. ask runs with the values of ctx, and until it returns or everybody who waits for it
// has gone.
func (q *questions[About, Answer]) put(ctx context.Context, about About, ask func(context.Context) (Answer, error)) (Answer, error) {
	one := q.join(ctx, about, ask)
	select {
	case <-one.done:
		return one.answer, one.err
	case <-ctx.Done():
		q.leave(about, one)
		var none Answer
		return none, context.Cause(ctx)
	}
}

// join begins to wait for a question, which it asks when nobody has.
func (q *questions[About, Answer]) join(ctx context.Context, about About, ask func(context.Context) (Answer, error)) *question[Answer] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if one := q.open[about]; one != nil {
		one.waiting++
		return one
	}
	one := &question[Answer]{waiting: 1, done: make(chan struct{})}
	ctx, one.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if q.open == nil {
		q.open = map[About]*question[Answer]{}
	}
	q.open[about] = one
	go func() {
		defer q.end(about, one)
		one.answer, one.err = ask(ctx)
	}()
	return one
}

// end gives the answer to those who wait.
func (q *questions[About, Answer]) end(about About, one *question[Answer]) {
	if cause := recover(); cause != nil {
		one.err = errQuestionPanicked
		q.panicked(cause)
	}
	q.mu.Lock()
	q.forget(about, one)
	q.mu.Unlock()
	one.cancel()
	close(one.done)
}

// leave ends the wait of somebody who no longer wants to know.
func (q *questions[About, Answer]) leave(about About, one *question[Answer]) {
	q.mu.Lock()
	one.waiting--
	last := one.waiting == 0
	if last {
		q.forget(about, one) // it will have no answer: who comes now asks again
	}
	q.mu.Unlock()
	if last {
		one.cancel()
		<-one.done
	}
}

// forget lets nobody join any more. The caller holds mu.
func (q *questions[About, Answer]) forget(about About, one *question[Answer]) {
	if q.open[about] == one {
		delete(q.open, about)
	}
}
