package tokenbroker

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// errNoSetter answers Set when no source could take the token.
var errNoSetter = errors.New("no configured token source takes tokens that are handed in")

// Refused says that a host answered 401 to the token with this stamp. When that host has let it in before, the token has ended:
// it is not used again for this audience, and the next Authorize asks the sources anew, once for all callers, and passes over
// one that still has the same secret. Otherwise only the host is known to refuse it, which may be set up badly, and the token
// stays in use for the others: Another asks the sources anew, the places themselves. Both happen once in half a minute, so
// that neither a burst of refusals nor a host that refuses everything costs more. A 403 is no refusal: it may be about the file.
// A stamp that is no longer current changes nothing.
func (b *Broker) Refused(audience string, s Stamp, host string) {
	t, _, ok := b.stamped(audience, s)
	if !ok {
		return
	}
	switch b.weigh(audience, s, host) {
	case tokenEnded:
		b.expire(audience, s)
	case offerRefused:
		b.terms.Load().forget(audience, t)
	case hostDoubts:
		b.metrics.refusals.Inc()
		b.log.Warn("a server refused a token that it has never let in; another one is sought", "audience", audience, "host", host,
			"fingerprint", t.Fingerprint())
	}
}

// weight is what a refusal says.
type weight int

const (
	knownBefore weight = iota
	tokenEnded
	hostDoubts
	offerRefused
)

// weigh finds out what a refusal says, and notes the doubt.
func (b *Broker) weigh(audience string, s Stamp, host string) weight {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	in, now := b.terms.Load(), time.Now()
	switch {
	case !ok || s == 0:
		return knownBefore
	case a.spare.stamp == s && in.learns(a.spare.source):
		a.hold(a.spare.token, now)
		a.spare, a.sought = spare{}, time.Time{}
		return offerRefused
	case a.spare.stamp == s:
		a.holdFor(a.spare.token, now, doubtFor)
		a.spare = spare{} // the next one is sought when its time has come
		return knownBefore
	case a.stamp != s:
		return knownBefore
	case len(a.accepted) == 0 && in.learns(a.source):
		return tokenEnded // anybody may have presented it, and to take the next one costs nothing
	case !a.accepted[host].IsZero() && !now.Before(a.droppable):
		a.droppable = now.Add(spareFor)
		return tokenEnded
	case now.Before(a.doubted):
		return knownBefore
	}
	a.doubted, a.doubt = now.Add(spareFor), true
	a.spare, a.sought = spare{}, time.Time{}
	return hostDoubts
}

// expire takes the token with this stamp out of use.
func (b *Broker) expire(audience string, s Stamp) {
	t, _, ok := b.stamped(audience, s)
	if !ok {
		return
	}
	// The sources forget first: a fetch that starts right after the refusal must not get the same secret from a memory.
	b.terms.Load().forget(audience, t)
	if source, ok := b.refuse(audience, s); ok {
		b.metrics.refusals.Inc()
		b.log.Warn("a server refused a token", "audience", audience, "source", source, "fingerprint", t.Fingerprint())
	}
}

// forget tells the sources that answer from memory that a server refused t.
func (t *terms) forget(audience string, token Token) {
	for _, l := range t.chain {
		if f, ok := l.Source.(Forgetter); ok {
			f.Forget(audience, token)
		}
	}
}

// learns tells whether a source has its tokens from the requests of clients.
func (t *terms) learns(source string) bool {
	return slices.ContainsFunc(t.chain, func(l *link) bool {
		_, ok := l.Source.(Observer)
		return ok && l.Name() == source
	})
}

// Accepted says that a host let in the token with this stamp. What clients present does not take its place then. A token of
// Another takes the place of the one in use, unless other hosts have let that in within the last minute.
func (b *Broker) Accepted(audience string, s Stamp, host string) {
	t, source, ok := b.stamped(audience, s)
	if !ok {
		return
	}
	if worse := b.accept(audience, s, host); worse != 0 {
		b.expire(audience, worse)
		b.accept(audience, s, host)
	}
	for _, l := range b.terms.Load().chain {
		if o, learns := l.Source.(Observer); learns && l.Name() == source {
			o.Accept(audience, t)
		}
	}
}

// accept notes that a host let in the token in use. When it was the spare, it returns the stamp of the token in use that has to
// make way for it.
func (b *Broker) accept(audience string, s Stamp, host string) (worse Stamp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	switch now := time.Now(); {
	case !ok:
	case a.stamp == s:
		a.accept(host, now)
	case a.spare.stamp == s && !a.goodElsewhere(host, now):
		return a.stamp
	}
	return 0
}

// stamped returns the token in use for the audience, or the spare, and its source, if its stamp is s.
func (b *Broker) stamped(audience string, s Stamp) (t Token, source string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	switch {
	case !ok || s == 0:
		return Token{}, "", false
	case a.stamp == s:
		return a.token, a.source, true
	}
	return a.spare.token, a.spare.source, a.spare.stamp == s
}

// refuse drops the token in use, or the spare, if its stamp is s, and returns the name of its source.
func (b *Broker) refuse(audience string, s Stamp) (source string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	switch {
	case !ok:
		return "", false
	case a.stamp == s:
		source = a.source
		a.refuse(time.Now(), b.terms.Load().ahead)
		return source, true
	case a.spare.stamp == s:
		source = a.spare.source
		a.hold(a.spare.token, time.Now())
		a.spare = spare{} // the next one is sought when its time has come
		return source, true
	}
	return "", false
}

// Observe takes the token that a client presented in its own request, for an audience. Call it only for listeners that
// serve this machine alone: whoever may call it chooses a token that others use. A token that works is not displaced by
// one that was observed. It does nothing when the request carries no token or no source is an Observer.
func (b *Broker) Observe(audience string, h http.Header) {
	in := b.terms.Load()
	o, ok := ability[Observer](in.chain)
	if !ok || !in.presentation.Carries(h) {
		return
	}
	t, ok := in.presentation.Extract(h)
	if !ok {
		return
	}
	now := time.Now()
	t = t.withExpiry(now.Add(in.maxAge))
	if t.expired(now) || b.knows(audience, t, now) {
		return
	}
	o.Offer(audience, t)
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.audiences.Get(audience); ok && (!a.usable(now) || now.Before(a.doubted)) {
		a.expectNews()
	}
}

// knows reports whether an observed token tells nothing new: it was refused, or it is in use already.
func (b *Broker) knows(audience string, t Token, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	return ok && (a.isRefused(t, now) || a.usable(now) && a.token.print == t.print)
}

// Set hands in a token, as a task sequence does through the admin API. The next Authorize uses it, unless a source that
// comes before the Setter has a token. expires zero means not known. A secret that was refused before counts as new:
// somebody means it. It fails when NewToken refuses the secret, when the token has expired, and when no source is a
// Setter. No error holds the secret.
func (b *Broker) Set(audience, secret string, expires time.Time) error {
	in := b.terms.Load()
	setter, ok := ability[Setter](in.chain)
	if !ok {
		return errNoSetter
	}
	t, err := NewToken(secret, expires)
	if err != nil {
		return fmt.Errorf("set a token for %s: %w", audience, err)
	}
	now := time.Now()
	if t.expired(now) {
		return fmt.Errorf("set a token for %s: it expired at %s", audience, t.expires.Format(time.RFC3339))
	}
	setter.Put(audience, t.withExpiry(now.Add(in.maxAge)))
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.entry(audience)
	delete(a.refused, t.print)
	a.superseded = true
	a.expectNews()
	return nil
}

// ability returns the source that can do T.
func ability[T any](chain []*link) (T, bool) {
	for _, l := range chain {
		if able, ok := l.Source.(T); ok {
			return able, true
		}
	}
	var none T
	return none, false
}
