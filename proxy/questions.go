package proxy

import (
	"context"
	"errors"
	"sync"

	"branchpoint/proxy/content"
)

// errQuestionPanicked says that a bug ended a question. What it was is in the log.
var errQuestionPanicked = errors.New("asking a distribution point panicked")

// questions are those that are being put to distribution points. Requests that want to know the same thing at the same time
// wait for the same answer: a thousand clients that begin together are one request upstream.
type questions struct {
	// panicked is told of a bug: a panic in a goroutine of ours would end the process.
	panicked func(cause any)

	mu   sync.Mutex
	open map[verdictID]*question
}

// question is one that is being asked. Those who wait for it own it: the last one who leaves early ends it, and waits for
// its end.
type question struct {
	file   content.ID
	cancel context.CancelFunc

	waiting int // guarded by questions.mu

	done chan struct{}
	err  error // to be read when done is closed
}

// put returns the answer to a question, and the file that it was asked for. ask runs with the values of ctx, and until it
// returns or everybody who waits for it has gone.
func (q *questions) put(ctx context.Context, id verdictID, file content.ID, ask func(context.Context) error) (content.ID, error) {
	one := q.join(ctx, id, file, ask)
	select {
	case <-one.done:
		return one.file, one.err
	case <-ctx.Done():
		q.leave(id, one)
		return file, context.Cause(ctx)
	}
}

// join begins to wait for a question, which it asks when nobody has.
func (q *questions) join(ctx context.Context, id verdictID, file content.ID, ask func(context.Context) error) *question {
	q.mu.Lock()
	defer q.mu.Unlock()
	if one := q.open[id]; one != nil {
		one.waiting++
		return one
	}
	one := &question{file: file, waiting: 1, done: make(chan struct{})}
	ctx, one.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if q.open == nil {
		q.open = map[verdictID]*question{}
	}
	q.open[id] = one
	go func() {
		defer q.end(id, one)
		one.err = ask(ctx)
	}()
	return one
}

// end gives the answer to those who wait.
func (q *questions) end(id verdictID, one *question) {
	if cause := recover(); cause != nil {
		one.err = errQuestionPanicked
		q.panicked(cause)
	}
	q.mu.Lock()
	q.forget(id, one)
	q.mu.Unlock()
	one.cancel()
	close(one.done)
}

// leave ends the wait of somebody who no longer wants to know.
func (q *questions) leave(id verdictID, one *question) {
	q.mu.Lock()
	one.waiting--
	last := one.waiting == 0
	if last {
		q.forget(id, one) // it will have no answer: who comes now asks again
	}
	q.mu.Unlock()
	if last {
		one.cancel()
		<-one.done
	}
}

// forget lets nobody join any more. The caller holds mu.
func (q *questions) forget(id verdictID, one *question) {
	if q.open[id] == one {
		delete(q.open, id)
	}
}
