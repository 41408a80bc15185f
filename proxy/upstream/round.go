package upstream

import (
	"context"
	"slices"

	"branchpoint/cache"
)

// round is one turn through the candidates, and what they said.
type round struct {
	want  *cache.Info
	walk  walk
	tally tally
	// invited are all whom the round has, or had, in its walk.
	invited []*location
	// widened says that the site has had its say in this round.
	widened bool
	// abroad are the URLs of a blob at storage services that are not its own.
	abroad map[*location][]offer
}

// newRound begins a round. What a mutable object is, as long as nobody knows, is for the DP to say that the client named:
// others may date it otherwise, and a client that sees another date starts again (win32 docs, BITS file transfer
// consistency). So one failure does not make that DP lose its turn.
func (s *source) newRound(want *cache.Info) *round {
	r := &round{want: want}
	for _, loc := range s.pool.dir.candidates(s.named, s.target.ID, s.site()) {
		r.invite(loc)
	}
	if want == nil && s.target.ID.Mutable() {
		r.walk.firm = r.invited[0]
	}
	return r
}

// invite gives a DP its turn in this round, once.
func (r *round) invite(loc *location) {
	if !slices.Contains(r.invited, loc) {
		r.invited = append(r.invited, loc)
		r.walk.left = append(r.walk.left, loc)
	}
}

// inviteAbroad is invite for a storage service that is not the blob's own.
func (r *round) inviteAbroad(loc *location, o offer) {
	if loc == nil {
		return
	}
	if r.abroad == nil {
		r.abroad = make(map[*location][]offer)
	}
	r.abroad[loc] = append(r.abroad[loc], o)
	r.invite(loc)
}

// again gives a DP that has refused another turn.
func (r *round) again(loc *location) {
	if r.tally.refusal != nil && !slices.Contains(r.walk.left, loc) {
		r.walk.left = append(r.walk.left, loc)
	}
}

// note keeps what a DP said. A storage service abroad that refuses, or does not have the blob, has said something about us or
// itself, and nothing to the client.
func (r *round) note(loc *location, out outcome) {
	if r.abroad[loc] != nil && (out.verdict == refused || out.verdict == missing) {
		return
	}
	r.tally.add(loc, out)
}

// ask asks the DPs that are left in the round until one serves. The outcome is not served when the round is over, or when
// the caller has gone.
func (s *source) ask(ctx context.Context, r *round, q query) outcome {
	return s.tour(ctx, r, func(loc *location) outcome {
		mine := q
		mine.urls = r.abroad[loc]
		return s.attempt(ctx, loc, mine)
	})
}

// tour lets each DP that is left in the round try. When the storage of a blob failed a moment ago, others have their turn before
// it: it would cost each part of a file a wait.
func (s *source) tour(ctx context.Context, r *round, try func(*location) outcome) (out outcome) {
	if s.isBlob() && s.named.health.ailing() {
		s.widen(ctx, r)
	}
	for {
		loc := r.walk.next()
		if loc == nil && r.tally.othersMayHelp(s.target.ID.Mutable()) {
			s.widen(ctx, r)
			loc = r.walk.next()
		}
		if loc == nil {
			return out
		}
		out = try(loc)
		if out.verdict == served || out.verdict == canceled || s.pool.ended(ctx) != nil {
			return out
		}
		r.note(loc, out)
		s.report(ctx, loc, out)
	}
}

// widen asks the site who has the file besides, once a round.
func (s *source) widen(ctx context.Context, r *round) {
	if r.widened {
		return
	}
	r.widened = true
	if s.isBlob() {
		s.elsewhere(ctx, r)
	} else {
		s.locate(ctx, r)
	}
}
