package tokenbroker

import (
	"context"
	"log/slog"
	"time"
)

// flight is one walk along the sources for one audience, shared by all who wait for its token.
type flight struct {
	terms *terms        // whose sources are asked
	news  uint64        // audience.news at the start
	done  chan struct{} // closed at the end, after the audience was updated
}

// launch starts a fetch for a, on the broker's own context: the first caller may leave, the others still want the token.
// The caller holds mu, and knows that the broker is open and that a has no flight.
func (b *Broker) launch(a *audience) {
	f := &flight{terms: b.terms.Load(), news: a.news, done: make(chan struct{})}
	a.flight = f
	b.flights.Go(func() {
		t, source, err := b.fetch(f.terms, a, func(_ string, t Token) outcome { return b.fit(a, t) })
		b.land(a, f, t, source, err)
	})
}

// fit judges a token for a.
func (b *Broker) fit(a *audience, t Token) outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	return fitAt(t, now, a.isRefused(t, now))
}

// fitSpare judges a token that is to be tried at a host that has refused the one in use.
func (b *Broker) fitSpare(a *audience, t Token, host string) outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	out := fitAt(t, now, a.isRefused(t, now))
	if out == outcomeToken && a.denied[host].has(t, now) {
		return outcomeSame
	}
	return out
}

// note counts how one source did.
func (b *Broker) note(s Source, out outcome) {
	b.metrics.fetches.WithLabelValues(s.Name(), string(out)).Inc()
	b.log.Debug("asked a token source", "source", s.Name(), "outcome", string(out))
}

// land writes the result of a flight into its audience, and lets the waiters go on.
func (b *Broker) land(a *audience, f *flight, t Token, source string, err error) {
	b.mu.Lock()
	now := time.Now()
	failedBefore := a.failed != nil
	if a.flight == f { // otherwise one by other sources has begun
		a.flight = nil
	}
	missed := a.news != f.news
	if err == nil && a.isRefused(t, now) {
		err = ErrUnavailable // it was refused after fit had seen it: it was the spare too
	}
	switch {
	case err == nil:
		in := b.terms.Load()
		a.install(t.withExpiry(now.Add(in.maxAge)), source, now, in.ahead, b.nextStamp)
		if f.terms != in {
			a.due = now // there may be other sources now
		}
	case missed:
		// What was missed may be the very token: the next caller, or the one who waits, looks again.
	default:
		a.fail(err, now)
	}
	if !missed {
		a.superseded = false
	}
	expires := a.token.expires
	b.mu.Unlock()
	close(f.done)
	b.report(a.name, t, source, expires, err, failedBefore)
}

// fail keeps err for those who ask next. A token in use stays in use to its end, and then somebody waits for the next one.
func (a *audience) fail(err error, now time.Time) {
	a.failed = err
	a.paused = now.Add(max(failurePause, min(aheadPause, a.token.expires.Sub(now))))
}

// nextStamp is a stamp that was never used before. The caller holds mu.
func (b *Broker) nextStamp() Stamp {
	b.stamp++
	return b.stamp
}

// report logs the end of a flight. A failure that repeats is not worth a warning each time.
func (b *Broker) report(audience string, t Token, source string, expires time.Time, err error, again bool) {
	if err == nil {
		b.log.Info("fetched a token", "audience", audience, "source", source,
			"fingerprint", t.Fingerprint(), "expires", expires)
		return
	}
	level := slog.LevelWarn
	if again {
		level = slog.LevelDebug
	}
	b.log.Log(context.Background(), level, "no token", "audience", audience, "reason", err)
}
