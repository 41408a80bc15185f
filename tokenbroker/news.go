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

// Refused says that a host answered 401 to the token with this stamp. It may have ended, or the host may be set up badly: it stays
// in use, and Another asks the sources for another one, the places themselves: once in half a minute, or a few times at once when one
// after the other is refused. Neither a burst of refusals nor a host that refuses everything costs more. What a client has presented,
// and no host has let in, is dropped at once. A 403 is no refusal: it may be about the file. A stamp that is no longer current changes
// nothing.
func (b *Broker) Refused(audience string, s Stamp, host string) {
	t, said := b.weigh(audience, s, host)
	switch said {
	case nothingNew:
		return
	case dropped:
		b.terms.Load().forget(audience, t)
	}
	b.metrics.refusals.Inc()
	b.log.Warn("a server refused a token; another one is sought", "audience", audience, "host", host, "fingerprint", t.Fingerprint())
}

// weight is what a refusal does.
type weight int

const (
	nothingNew weight = iota
	inDoubt           // another token is to be sought
	dropped
)

// weigh finds out what a refusal does, and does it.
func (b *Broker) weigh(audience string, s Stamp, host string) (t Token, said weight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	in, now := b.terms.Load(), time.Now()
	switch {
	case !ok || s == 0:
		return t, nothingNew
	case a.spare.stamp == s:
		a.deny(host, a.spare.token, now)
		if in.learns(a.spare.source) {
			a.sought = time.Time{} // to try the next one costs nothing
		}
		return t, nothingNew
	case a.stamp != s:
		return t, nothingNew
	case len(a.accepted) == 0 && in.learns(a.source):
		t = a.token
		a.refuse(now, in.ahead)
		return t, dropped
	}
	isNew := a.reject(host)
	if now.Before(a.sought) && a.another(host, now).stamp != 0 || !a.question(isNew, now) {
		return t, nothingNew
	}
	return a.token, inDoubt
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
// Another takes the place of the one in use, unless other hosts have let that in within the last minute, and not refused it since.
func (b *Broker) Accepted(audience string, s Stamp, host string) {
	t, source, ok := b.stamped(audience, s)
	if !ok {
		return
	}
	if old, replaced := b.accept(audience, s, host); replaced {
		b.terms.Load().forget(audience, old)
		b.log.Info("another token has taken the place of one that was refused", "audience", audience, "source", source,
			"fingerprint", t.Fingerprint())
	}
	for _, l := range b.terms.Load().chain {
		if o, learns := l.Source.(Observer); learns && l.Name() == source {
			o.Accept(audience, t)
		}
	}
}

// accept notes that a host let in the token in use, or the spare, which may then take its place.
func (b *Broker) accept(audience string, s Stamp, host string) (old Token, replaced bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.audiences.Get(audience)
	now := time.Now()
	if ok && a.spare.stamp == s && !a.goodElsewhere(host, now) {
		old, replaced = a.swap(now, b.terms.Load().ahead), true
	}
	if ok && a.stamp == s {
		a.accept(host, now)
	}
	return old, replaced
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
	fresh := o.Offer(audience, t)
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.audiences.Get(audience); ok && (!a.usable(now) || fresh && now.Before(a.doubted)) {
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
