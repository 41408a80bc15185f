package tokenbroker

import "time"

const (
	// failurePause is how long a failed fetch answers for the next callers too, so that a burst of requests does not
	// start a command or ask a dead server once for each of them. It is short because somebody may be waiting for a token
	// file that has just been written.
	failurePause = 2 * time.Second
	// aheadPause is the same for a fetch ahead of expiry, while the old token still serves everybody and at most to its end.
	aheadPause = 30 * time.Second
	// refusalHold is how long a refused secret is passed over, and how long it counts against one host that refuses a token that
	// another has let it in. It is short, since a server may refuse by mistake (a restart, a wrong clock), and a token file has no
	// other way back; and long enough that a burst of refusals is over.
	refusalHold = time.Minute
	// doubtsAtOnce is how many refusals in a row, of other tokens or by other hosts, have another token sought without a pause.
	doubtsAtOnce = 5
	// maxRefused bounds the secrets remembered as refused.
	maxRefused = 16
	// maxAccepted bounds the hosts of which it is remembered what they let in or refused. A site has hundreds.
	maxAccepted = 1024
)

// Stamp names one token that was handed out for an audience. Zero names none.
type Stamp uint64

// audience is what is known about one audience. Broker.mu guards all of it.
type audience struct {
	name string

	// The token in use, its stamp and the name of its source. A stamp of 0 means that there is no token.
	token  Token
	stamp  Stamp
	source string
	since  time.Time
	due    time.Time // when to fetch ahead of expiry
	// spare is another token than the one in use, for a request that the one in use does not open. A stamp of 0 means that
	// there is none. Until sought the sources are not asked for one again.
	spare  spare
	sought time.Time
	// superseded says that a better token is known to wait in a source: fetch before the next use.
	superseded bool

	// flight is the fetch in progress, and search that of a spare; nil when there is none.
	flight, search *flight
	// news counts what a fetch that is already in progress may have missed.
	news uint64
	// paused is until when a failure, failed, stands in for another fetch.
	paused time.Time
	failed error

	// accepted are the hosts that let in the token in use, and when they did so last, and refusers those that refused it since.
	accepted map[string]time.Time
	refusers map[string]bool
	// doubt says that a host has refused the token in use: before the sources are asked for another one, they forget it. No other
	// refusal of the token with the stamp suspect counts like this until doubted. spent is when all doubts are paid for: each costs
	// half a minute, and a few may come at once.
	doubt   bool
	suspect Stamp
	doubted time.Time
	spent   time.Time

	refused   secrets            // not used again for a while
	denied    map[string]secrets // by host: spares that it refused, and does not get again for a while
	refreshes uint64
	refusals  uint64
}

// usable reports whether the token in use may still be handed out.
func (a *audience) usable(now time.Time) bool { return a.stamp != 0 && !a.token.expired(now) }

// install makes t the token in use.
func (a *audience) install(t Token, source string, now time.Time, ahead time.Duration, next func() Stamp) {
	if a.stamp == 0 || a.token.print != t.print {
		// The same secret keeps its stamp: a refusal of it that is still under way is about this token.
		a.stamp, a.since = next(), now
		a.accepted, a.refusers, a.doubt = nil, nil, false
	}
	a.token, a.source = t, source
	a.refreshes++
	a.paused, a.failed = time.Time{}, nil
	a.due = dueAt(t.expires, now, ahead)
}

// dueAt is when to look for a successor: ahead of the expiry, but for a token of short life not before four fifths of what is
// left of it, and never at once.
func dueAt(expires, now time.Time, ahead time.Duration) time.Time {
	due := expires.Add(-ahead)
	if late := now.Add(expires.Sub(now) / 5 * 4); due.Before(late) {
		due = late
	}
	if soonest := now.Add(failurePause); due.Before(soonest) {
		due = soonest
	}
	return due
}

// refuse drops the token in use and remembers its secret as refused. A spare that was got a moment ago takes its place.
func (a *audience) refuse(now time.Time, ahead time.Duration) {
	next, fresh := a.spare, now.Before(a.sought) && !a.spare.token.expired(now)
	a.refused.add(a.token, now)
	a.refusals++
	a.token, a.stamp, a.source, a.since = Token{}, 0, "", time.Time{}
	a.expectNews()
	if fresh && next.stamp != 0 {
		a.install(next.token, next.source, now, ahead, func() Stamp { return next.stamp })
	}
}

// swap puts the spare in the place of the token in use, and returns that.
func (a *audience) swap(now time.Time, ahead time.Duration) (old Token) {
	old, a.sought = a.token, now.Add(spareFor)
	a.refuse(now, ahead)
	return old
}

// secrets are remembered for refusalHold, at most maxRefused of them. The value is until when.
type secrets map[digest]time.Time

func (s *secrets) add(t Token, now time.Time) {
	if *s == nil {
		*s = make(secrets)
	}
	if len(*s) >= maxRefused {
		s.forgetOldest()
	}
	(*s)[t.print] = now.Add(refusalHold)
}

func (s secrets) forgetOldest() {
	var oldest digest
	var until time.Time
	for d, t := range s {
		if until.IsZero() || t.Before(until) {
			oldest, until = d, t
		}
	}
	delete(s, oldest)
}

func (s secrets) has(t Token, now time.Time) bool { return now.Before(s[t.print]) }

// isRefused reports whether the secret of t was refused a short while ago.
func (a *audience) isRefused(t Token, now time.Time) bool { return a.refused.has(t, now) }

// accept notes that a host let in the token in use.
func (a *audience) accept(host string, now time.Time) {
	if a.accepted == nil || len(a.accepted) >= maxAccepted && a.accepted[host].IsZero() {
		a.accepted = make(map[string]time.Time)
	}
	a.accepted[host] = now
	delete(a.refusers, host)
}

// reject notes that a host refused the token in use, and tells whether that is new.
func (a *audience) reject(host string) (isNew bool) {
	isNew = !a.refusers[host]
	if a.refusers == nil || len(a.refusers) >= maxAccepted {
		a.refusers = make(map[string]bool)
	}
	a.refusers[host] = true
	delete(a.accepted, host)
	return isNew
}

// another is the spare, when a host may let it in. Its stamp is 0 when there is none.
func (a *audience) another(host string, now time.Time) spare {
	if t := a.spare.token; a.spare.stamp == 0 || t.expired(now) || t.print == a.token.print || a.denied[host].has(t, now) {
		return spare{}
	}
	return a.spare
}

// deny notes that a host refused a spare.
func (a *audience) deny(host string, t Token, now time.Time) {
	if a.denied == nil || len(a.denied) >= maxAccepted && a.denied[host] == nil {
		a.denied = make(map[string]secrets)
	}
	list := a.denied[host]
	list.add(t, now)
	a.denied[host] = list
}

// question has another token than the one in use sought, unless that was done a short while ago. isNew says that the host has not
// refused it before. A host that goes on and on leaves room for others.
func (a *audience) question(isNew bool, now time.Time) bool {
	atOnce := time.Duration(1)
	if isNew {
		atOnce = doubtsAtOnce
	}
	if !isNew && a.suspect == a.stamp && now.Before(a.doubted) || a.spent.Sub(now) >= atOnce*spareFor {
		return false
	}
	if a.spent.Before(now) {
		a.spent = now
	}
	a.spent = a.spent.Add(spareFor)
	a.doubt, a.suspect, a.doubted = true, a.stamp, now.Add(spareFor)
	a.spare, a.sought = spare{}, time.Time{}
	return true
}

// goodElsewhere tells whether another host let in the token in use a short while ago.
func (a *audience) goodElsewhere(host string, now time.Time) bool {
	for other, at := range a.accepted {
		if other != host && now.Sub(at) < refusalHold {
			return true
		}
	}
	return false
}

// expectNews lets the next caller fetch at once, and tells a fetch in progress that its answer may be out of date.
func (a *audience) expectNews() {
	a.news++
	a.paused, a.failed = time.Time{}, nil
	a.spare, a.sought = spare{}, time.Time{}
}
