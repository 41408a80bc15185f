package tokenbroker

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// link is one source in the chain.
type link struct {
	Source
	// late counts the calls that were given up and have not come back. While there is one the source is not asked.
	late *atomic.Int32
}

func newLink(s Source) *link { return &link{s, new(atomic.Int32)} }

// errStuck is a source that is not asked.
const errStuck = Failure("has not come back from an earlier question")

// errNoToken is a source that returned neither a token nor an error.
const errNoToken = Failure("returned no token")

// answer is what a source returned.
type answer struct {
	token Token
	err   error
}

// ask is one question to the source, on a goroutine that belongs to calls. It is given up after sourceTimeout, and when ctx
// ends: nothing can end the reading of a file on a share whose server is dead.
func (l *link) ask(ctx context.Context, audience string, calls *sync.WaitGroup) (Token, error) {
	if l.late.Load() > 0 {
		return Token{}, errStuck
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	came := make(chan answer, 1)
	calls.Go(func() {
		got := answer{err: errNoToken}
		defer func() { came <- got }() // deferred, since whoever waits must be told even if the source ends this goroutine
		got.token, got.err = call(ctx, l.Source, audience)
	})
	select {
	case got := <-came:
		return got.token, got.err
	case <-ctx.Done():
		late := l.late
		late.Add(1)
		calls.Go(func() { <-came; late.Add(-1) })
		return Token{}, ctx.Err()
	}
}

// panicError stands for a panic of a source. The value of the panic is dropped: it may hold anything.
type panicError struct{ where string }

func (e panicError) Error() string { return "panicked at " + e.where }

// call asks a source, and turns a panic into an error.
func call(ctx context.Context, s Source, audience string) (t Token, err error) {
	defer func() {
		if recover() != nil {
			t, err = Token{}, panicError{panicSite()}
		}
	}()
	t, err = s.Token(ctx, audience)
	if err == nil && t.reveal == nil {
		err = errNoToken
	}
	return t, err
}

// panicSite names the line that panicked: the first frame below the runtime's own. It is called by the deferred
// function that recovers.
func panicSite() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
