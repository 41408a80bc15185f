package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"time"
)

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
// not wrap what the source returned.
type sourceError struct{ source, text string }

func (e *sourceError) Error() string { return fmt.Sprintf("token source %s: %s", e.source, e.text) }

// fetch asks one source after the other for a token for a, and fit judges what they return, by the name of the source. The error is ErrUnavailable,
// or a *sourceError of the source that stopped the chain.
func (b *Broker) fetch(in *terms, a *audience, fit func(string, Token) outcome) (Token, string, error) {
	for _, l := range in.chain {
		t, err := l.ask(b.ctx, a.name, &b.flights)
		out := judge(t, err, func(t Token) outcome { return fit(l.Name(), t) })
		if o, ok := l.Source.(Observer); ok && out != outcomeToken {
			for _, t = range o.Offered(a.name) { // of another client
				if out = fit(l.Name(), t); out == outcomeToken {
					break
				}
			}
		}
		b.note(l, out)
		switch out {
		case outcomeToken:
			return t, l.Name(), nil
		case outcomeUnavailable, outcomeExpired, outcomeRefused, outcomeSame:
			continue
		}
		return Token{}, "", newSourceError(l, err)
	}
	return Token{}, "", ErrUnavailable
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
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errStuck):
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
		e.text = "took too long"
	case errors.Is(err, context.Canceled):
		e.text = "was stopped"
	case errors.Is(err, fs.ErrPermission):
		e.text = "permission denied"
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		e.text = "not found"
	}
	return e
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
