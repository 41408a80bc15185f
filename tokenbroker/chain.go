package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// chain is the sources in the order in which they are asked.
type chain []Source

// outcome is how asking one source ended; it is also the metric label.
type outcome string

const (
	outcomeToken       outcome = "token"
	outcomeUnavailable outcome = "unavailable"
	outcomeExpired     outcome = "expired" // it had one whose time was over
	outcomeRefused     outcome = "refused" // it had one that a server has refused
	outcomeSame        outcome = "same"    // it had the one in use, when another was wanted
	outcomeFailed      outcome = "failed"
	outcomeTimeout     outcome = "timeout"
	outcomePanic       outcome = "panic"
)

// sourceError is the failure of one source. It repeats nothing but text that is known to hold no secret, and so it does
// not wrap what the source returned; what callers test for is kept as a flag.
type sourceError struct {
	source string
	text   string
	is     error // nil, context.Canceled or context.DeadlineExceeded
}

func (e *sourceError) Error() string        { return fmt.Sprintf("token source %s: %s", e.source, e.text) }
func (e *sourceError) Is(target error) bool { return e.is != nil && target == e.is }

// fetch asks one source after the other. fit judges a token that a source returned; note hears how each source did.
// The error is ErrUnavailable, or a *sourceError of the source that stopped the chain.
func (c chain) fetch(ctx context.Context, audience string, fit func(Token) outcome, note func(Source, outcome)) (Token, string, error) {
	for _, s := range c {
		t, err := ask(ctx, s, audience)
		out := judge(t, err, fit)
		note(s, out)
		switch out {
		case outcomeToken:
			return t, s.Name(), nil
		case outcomeUnavailable, outcomeExpired, outcomeRefused, outcomeSame:
			continue
		}
		return Token{}, "", newSourceError(s, err)
	}
	return Token{}, "", ErrUnavailable
}

// errNoToken is a source that returned neither a token nor an error.
const errNoToken = Failure("returned no token")

// panicError stands for a panic of a source. The value of the panic is dropped: it may hold anything.
type panicError struct{ where string }

func (e panicError) Error() string { return "panicked at " + e.where }

// ask is one call of a source that can neither hang beyond its timeout, if the source keeps its contract, nor panic.
func ask(ctx context.Context, s Source, audience string) (t Token, err error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
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

// judge classifies an answer.
func judge(t Token, err error, fit func(Token) outcome) outcome {
	switch {
	case err == nil:
		return fit(t)
	case errors.As(err, new(panicError)):
		return outcomePanic
	case errors.Is(err, ErrUnavailable):
		return outcomeUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		return outcomeTimeout
	}
	return outcomeFailed
}

// newSourceError finds out what may be said about err.
func newSourceError(s Source, err error) *sourceError {
	e := &sourceError{source: s.Name(), text: "failed"}
	var panicked panicError
	var vouched Failure
	switch {
	case errors.As(err, &panicked):
		e.text = panicked.Error()
	case errors.As(err, &vouched):
		e.text = string(vouched)
	case errors.Is(err, context.DeadlineExceeded):
		e.text, e.is = "took too long", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.text, e.is = "was stopped", context.Canceled
	case errors.Is(err, fs.ErrPermission):
		e.text = "permission denied"
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		e.text = "not found"
	}
	return e
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

// fitAt is the verdict on a token at the time now.
func fitAt(t Token, now time.Time, refused bool) outcome {
	switch {
	case refused:
		return outcomeRefused
	case t.expired(now):
		return outcomeExpired
	}
	return outcomeToken
}
