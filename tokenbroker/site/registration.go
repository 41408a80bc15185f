package site

import (
	"context"
	"errors"
	"sync"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// What a registration is where the site has not said it.
const (
	stateUnknown       = "unknown"
	stateNotRegistered = "not registered"
)

// registration is how the registration of this machine stands, as far as the site was asked. The same registration counts on
// every way.
type registration struct {
	mu    sync.Mutex // guards all below
	smsid string
	state ccm.State // empty: the site has not said
	since time.Time
	asked time.Time // zero: never
	last  string    // why the last question had no answer; empty when it had one
}

// become says which registration it is.
func (r *registration) become(smsid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.smsid != smsid {
		r.smsid, r.state, r.since, r.asked, r.last = smsid, "", time.Time{}, time.Time{}, ""
	}
}

// due tells whether to ask how it stands, and then takes it as asked. doubted says that there is a reason to ask although it
// was in order.
func (r *registration) due(now time.Time, every time.Duration, doubted bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.smsid == "" || r.state == ccm.StateRegistered && !doubted || !r.asked.IsZero() && now.Sub(r.asked) < every {
		return false
	}
	r.asked = now
	return true
}

// take notes an answer, and tells whether it is a new one.
func (r *registration) take(got ccm.Registration, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.asked = "", now
	if r.state == got.State() {
		return false
	}
	r.state, r.since = got.State(), now
	return true
}

// miss notes that there was no answer.
func (r *registration) miss(why string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.asked = why, now
}

// pending returns the state, and whether that is to wait for the site or its administrator.
func (r *registration) pending() (state ccm.State, pending bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, r.state == ccm.StatePending || r.state == ccm.StatePendingApproval
}

// inquire asks on the side how the registration stands, when a way works and the registration is not known to be in order.
// news says that the way did not work before: then it may have come into order.
func (s *Site) inquire(w *way, news bool) {
	every := longestRetry
	if news {
		every = s.terms.Load().retry / 2
	}
	if _, ok := w.client.(confirmer); ok && s.registration.due(s.now(), every, false) {
		s.workers.start(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			_ = s.askState(ctx, w) // for Status; whatever a way does not answer is tried again
		})
	}
}

// confirm asks how the registration stands when a way has refused a question.
func (s *Site) confirm(ctx context.Context, w *way) {
	if _, ok := w.client.(confirmer); ok && s.registration.due(s.now(), s.terms.Load().retry/2, true) {
		_ = s.askState(ctx, w) // what counts is the refusal
	}
}

// askState asks a way how the registration stands. That it does not know us, or will not answer us, is an error too, and what it
// says of the registration.
func (s *Site) askState(ctx context.Context, w *way) error {
	c, ok := w.client.(confirmer)
	if !ok {
		return nil
	}
	got, err := c.Confirm(ctx)
	if errors.Is(err, context.Canceled) {
		return err
	}
	s.metrics.count(w.name, kindOf(err))
	if err != nil {
		s.registration.miss(saying(err), s.now())
		return err
	}
	s.names.note(s.log, w.name, got.Unknown)
	if s.registration.take(got, s.now()) {
		s.log.Info("the registration at the site", "state", got.State(), "way", w.name)
	}
	return nil
}

// Check asks each way who answers and how the registration stands, unless that way has failed a moment ago, and returns Status. It
// is the way to know about a site before anybody needs it.
func (s *Site) Check(ctx context.Context) Status {
	t := s.terms.Load()
	var under []*flight[struct{}]
	for _, w := range t.ways {
		under = append(under, s.checked.join(s.workers, w, func(ctx context.Context, wanted func() bool) (struct{}, error) {
			put := func(ctx context.Context, _ Client) error { return s.look(ctx, w) }
			err := s.ask(ctx, w, question{lane: opening, wanted: wanted, put: put})
			if d, ok := w.client.(describer); ok && ctx.Err() == nil {
				s.read(ctx, w, d)
			}
			return struct{}{}, err
		}))
	}
	for _, f := range under {
		_, _ = f.wait(ctx) // Status says how it went
	}
	return s.Status()
}
