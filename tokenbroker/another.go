package tokenbroker

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// spareFor is how long a spare token, or that there is none, answers for everybody: a file that nobody may read, asked for
// again and again, costs one fetch in this time.
const spareFor = 30 * time.Second

// spare is a token that is at hand besides the one in use.
type spare struct {
	token  Token
	stamp  Stamp
	source string
}

// Another puts a token for audience on h that has another secret than the one with stamp s, which a host answered with 401
// or 403, and than those that it has refused within the last minute. Whether the token has ended, or the host takes it from nobody,
// or nobody may have the file, only another token can tell: the one in use stays in use for everybody until Accepted says that the
// other opens the door. It is the token in use when that is another already, and otherwise the first one that a source has. The
// sources are asked for it once for all callers, and no more often than every half minute unless Refused says so. The error Is
// ErrUnavailable when there is no other. h is not touched when there is an error.
func (b *Broker) Another(ctx context.Context, audience string, s Stamp, host string, h http.Header) (Stamp, error) {
	b.mu.Lock()
	a := b.entry(audience)
	b.mu.Unlock()
	for range maxRounds {
		found, wait, current := b.look(a, s, host)
		switch {
		case current:
			return b.Authorize(ctx, audience, h)
		case found.stamp != 0:
			b.terms.Load().presentation.Apply(found.token, h)
			return found.stamp, nil
		case wait == nil:
			return 0, fmt.Errorf("another token for %s: %w", audience, ErrUnavailable)
		}
		select {
		case <-wait.done:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for another token for %s: %w", audience, ctx.Err())
		}
	}
	return 0, fmt.Errorf("another token for %s: %w", audience, errRestless)
}

// look returns the spare, or the search to wait for. It returns neither when there is no spare, and current when the token
// in use is another one than s names.
func (b *Broker) look(a *audience, s Stamp, host string) (found spare, wait *flight, current bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if s == 0 || a.stamp != s {
		return spare{}, nil, true
	}
	if a.flight != nil { // what comes may do
		return spare{}, a.flight, false
	}
	if a.search == nil && !b.closed && !now.Before(a.sought) && !now.Before(a.paused) {
		b.seek(a, host)
	}
	if a.search != nil {
		return spare{}, a.search, false
	}
	return a.another(host, now), nil, false
}

// seek starts a search for a spare that a host may let in. The caller holds mu, and knows that the broker is open and that a has no
// search.
func (b *Broker) seek(a *audience, host string) {
	f := &flight{terms: b.terms.Load(), news: a.news, done: make(chan struct{})}
	a.search = f
	inUse, doubt := a.token, a.doubt
	a.doubt = false
	b.flights.Go(func() {
		if doubt {
			f.terms.forget(a.name, inUse)
		}
		var elsewhere spare // one that this host has refused, and another may let in
		t, source, err := b.fetch(f.terms, a, func(from string, t Token) outcome {
			if t.print == inUse.print {
				return outcomeSame
			}
			out := b.fitSpare(a, t, host)
			if out == outcomeSame && elsewhere.source == "" {
				elsewhere = spare{token: t, source: from}
			}
			return out
		})
		if err != nil && elsewhere.source != "" {
			t, source, err = elsewhere.token, elsewhere.source, nil
		}
		b.found(a, f, t, source, err)
	})
}

// found writes the result of a search into its audience, and lets the waiters go on.
func (b *Broker) found(a *audience, f *flight, t Token, source string, err error) {
	b.mu.Lock()
	now := time.Now()
	a.search = nil
	if err == nil && a.isRefused(t, now) {
		err = ErrUnavailable // since fit has seen it
	}
	if a.news == f.news { // otherwise it may be out of date: who still wants one looks again
		a.spare, a.sought = spare{}, now.Add(spareFor)
		if err == nil {
			a.spare = spare{t.withExpiry(now.Add(b.terms.Load().maxAge)), b.nextStamp(), source}
		}
	}
	b.mu.Unlock()
	close(f.done)
	if err == nil {
		b.log.Info("fetched another token, to be tried where the one in use is refused", "audience", a.name,
			"source", source, "fingerprint", t.Fingerprint())
		return
	}
	b.log.Debug("no other token", "audience", a.name, "reason", err)
}
