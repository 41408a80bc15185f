package upstream

import (
	"errors"
	"fmt"
	"net/http"

	"branchpoint/cache"
)

// tally is what the DPs said in one round in which none served.
type tally struct {
	missing, different, noRange, busy, failures, timeouts int

	refusal *refusedError // of the first that refused; one that asks for credentials comes before others
	last    error         // the last failure
}

// add counts the answer of loc.
func (t *tally) add(loc *location, out outcome) {
	switch out.verdict {
	case missing:
		t.missing++
	case different:
		t.different++
	case noRange:
		t.noRange++
	case busy:
		t.busy++
	case refused:
		if t.refusal == nil || (out.status == http.StatusUnauthorized && t.refusal.status != http.StatusUnauthorized) {
			t.refusal = &refusedError{status: out.status, host: loc.base.host}
		}
		if out.tokenAway {
			t.failed(loc, errTokenAway)
		}
	default:
		t.failed(loc, out.err)
	}
}

func (t *tally) failed(loc *location, err error) {
	t.failures++
	t.last = fmt.Errorf("%s: %w", loc.base.host, err)
	if isTimeout(err) {
		t.timeouts++
	}
}

// wantsCredentials tells whether one that might have served wants to know who asks.
func (t *tally) wantsCredentials() bool {
	return t.refusal != nil && t.refusal.status == http.StatusUnauthorized
}

// othersMayHelp tells whether it is worth while to look for others who have the file: somebody failed, or did not let us in, and
// nobody has told what ends the matter.
func (t *tally) othersMayHelp(mutable bool) bool {
	return t.busy == 0 && (t.failures > 0 || t.refusal != nil) && (t.different == 0 || !mutable)
}

// verdict turns the answers of a round into one error, and tells whether another round could end otherwise: it could when a
// DP that gave no answer may still have the right bytes. A new version of a mutable object is news that does not wait. Of an
// immutable one there is none: a DP with another size has a bad copy, as long as somebody who may have the good one is unheard.
func (t *tally) verdict(mutable bool) (err error, final bool) {
	heardAll := t.failures == 0
	switch {
	case t.noRange > 0: // it has the wanted object, or nothing was wanted
		return cache.ErrNoRange, heardAll
	case t.different > 0 && (heardAll || mutable):
		return cache.ErrChanged, true
	case t.different > 0:
		return &unreachableError{cause: t.last, timeout: t.timeouts == t.failures}, false
	case t.refusal != nil:
		t.refusal.unheard = !heardAll
		return t.refusal, heardAll
	case t.missing > 0 && heardAll:
		return cache.ErrMissing, true
	case t.last != nil:
		return &unreachableError{cause: t.last, timeout: t.timeouts == t.failures}, false
	}
	return &unreachableError{cause: errors.New("nobody was left to ask")}, false
}
