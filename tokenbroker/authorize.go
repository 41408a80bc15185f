package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxRounds bounds how often one Authorize starts over because something became known while it waited. It takes a
// client that presents a new token during each of several fetches to get there.
const maxRounds = 4

var errRestless = errors.New("tokens change faster than they can be fetched")

// Authorize puts the token for audience on h, in the form that Config.Presentation says, and returns its stamp. It
// fetches the token when there is none; callers for the same audience share one fetch. When the context ends first, the
// error is that of the context, and the fetch goes on for the others. The error is ErrUnavailable when no source has a
// token. h is not touched when there is an error.
func (b *Broker) Authorize(ctx context.Context, audience string, h http.Header) (Stamp, error) {
	b.mu.Lock()
	a := b.entry(audience)
	b.mu.Unlock()
	for range maxRounds {
		t, stamp, wait, err := b.take(a)
		if err != nil {
			return 0, fmt.Errorf("token for %s: %w", audience, err)
		}
		if wait == nil {
			b.terms.Load().presentation.Apply(t, h)
			return stamp, nil
		}
		select {
		case <-wait.done:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for a token for %s: %w", audience, ctx.Err())
		}
	}
	return 0, fmt.Errorf("token for %s: %w", audience, errRestless)
}

// take returns a token that may be used now, or the flight to wait for, or why there is neither.
func (b *Broker) take(a *audience) (Token, Stamp, *flight, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	mayFetch := !b.closed && !now.Before(a.paused)
	if a.usable(now) && !a.superseded {
		if mayFetch && a.flight == nil && !now.Before(a.due) {
			b.launch(a) // ahead of expiry; nobody waits for it
		}
		return a.token, a.stamp, nil, nil
	}
	if (a.flight == nil || a.flight.terms != b.terms.Load()) && mayFetch {
		b.launch(a)
	}
	switch {
	case a.flight != nil:
		return Token{}, 0, a.flight, nil
	case a.usable(now):
		return a.token, a.stamp, nil, nil
	case b.closed:
		return Token{}, 0, nil, errClosed
	}
	return Token{}, 0, nil, a.failed
}
