package site

import (
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// aheadOfEnd is how long before its end a token is not good enough to be the answer to a new question.
const aheadOfEnd = 5 * time.Minute

// note is a token as the purse keeps it.
type note struct {
	token ccm.Token
	out   tokenbroker.Token // the same for those outside
	due   time.Time         // when to ask for another one. Zero: only when it is refused
}

// over tells whether a token has ended.
func over(t ccm.Token, now time.Time) bool {
	return !t.Expires.IsZero() && !now.Round(0).Before(t.Expires)
}

// outlives tells whether a lives longer than b by their own words. What does not say when it ends may be of any age.
func outlives(a, b ccm.Token) bool { return !b.Expires.IsZero() && a.Expires.After(b.Expires) }

// dueAt is when to ask for another token: ahead of the end, but for one of a short life not before half of it.
func dueAt(expires, now time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	life := expires.Sub(now.Round(0))
	return now.Round(0).Add(max(life-aheadOfEnd, life/2))
}
