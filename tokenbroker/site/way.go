package site

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// askTimeout bounds one question. A client bounds each request by itself; a question may take a few, one for a token of
// Microsoft Entra and one for a CCM token among them.
const askTimeout = time.Minute

// lane is where a question waits for its turn. Those for tokens, and about the registration, have one of their own: where all the
// contents are that clients ask for in a minute is no reason that nobody gets any.
type lane int

const (
	locating lane = iota
	opening
	lanes
)

// atOnce bounds the questions of a lane that one way is asked at a time. What comes later waits.
var atOnce = [lanes]int{locating: 6, opening: 2}

// way is one way to the site, with how it is doing.
type way struct {
	name    string
	client  Client
	secure  bool // it is spoken to over TLS
	circuit circuit
	odd     *oddities
	about   atomic.Pointer[AboutStatus] // nil: it was not asked
	slots   [lanes]chan struct{}        // one for each question under way
}

func newWay(w Way) *way {
	next := &way{name: w.Name, client: w.Client, secure: w.Secure, odd: newOddities()}
	for l := range next.slots {
		next.slots[l] = make(chan struct{}, atOnce[l])
	}
	return next
}

// followedBy is w itself where nothing has changed, or else next, which then knows when there was last an answer.
func (w *way) followedBy(next *way) *way {
	if w.client == next.client {
		return w
	}
	next.circuit.remember(&w.circuit)
	next.about.Store(w.about.Load())
	return next
}

// question is what a way is asked.
type question struct {
	lane lane
	// about is the content that it is about. Nil: none. token says that it is for a token.
	about *ccm.Content
	token bool
	// wanted tells whether somebody still waits for the answer.
	wanted func() bool
	put    func(context.Context, Client) error
}

// enter waits for the question's turn at a way. It is given up when nobody wants the answer any more by then: clients come and go.
// leave ends it.
func (w *way) enter(ctx context.Context, q question) (leave func(), err error) {
	slots := w.slots[q.lane]
	leave = func() { <-slots }
	select {
	case slots <- struct{}{}:
		return leave, nil
	default:
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !q.wanted() {
		leave()
		return nil, errUnwanted
	}
	return leave, nil
}

// ask puts a question to a way, unless that has failed a moment ago. The error is a *trouble, that of ctx, or ErrNoToken as
// the question returned it.
func (s *Site) ask(ctx context.Context, w *way, q question) error {
	if known := w.odd.known(q, s.now()); known != nil {
		return known
	}
	leave, err := w.enter(ctx, q)
	if err != nil {
		return err
	}
	defer leave()
	p, err := w.circuit.enter(ctx, s.now)
	if err != nil {
		return err
	}
	p.unasked = q.about == nil
	inTime, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err = q.put(inTime, w.client)
	if err != nil && ctx.Err() != nil {
		w.circuit.abandon(p)
		return ctx.Err()
	}
	if errors.Is(err, errNothing) {
		w.circuit.abandon(p)
		return err
	}
	s.metrics.count(w.name, kindOf(err))
	if err == nil || errors.Is(err, ccm.ErrNoToken) { // a site that has no token for us is one that answers
		s.worked(w, p, q)
		return err
	}
	said := w.name + ": " + saying(err)
	if aboutUs(err) {
		s.confirm(inTime, w)
		if state, pending := s.registration.pending(); pending {
			said += "; registration: " + string(state)
		}
	}
	failed := newTrouble(said, err)
	if odd, proved := s.isOdd(inTime, w, q, err); odd {
		failed.odd = true
		if proved {
			s.worked(w, p, q)
			p = pass{}
		}
		if !q.token {
			w.odd.keep(*q.about, failed, s.now())
		}
		w.circuit.mention(p, failed, s.now())
		return failed
	}
	s.report(w, w.circuit.leave(p, failed, s.now()), failed)
	return failed
}

// worked notes that a way has answered a question.
func (s *Site) worked(w *way, p pass, q question) {
	if q.about != nil {
		w.odd.over()
	}
	c := w.circuit.leave(p, nil, s.now())
	s.report(w, c, nil)
	s.inquire(w, c == closed)
}

// report logs what an outcome has changed.
func (s *Site) report(w *way, c change, failed *trouble) {
	switch {
	case c == closed:
		s.log.Info("a way to the site works", "way", w.name)
	case c == opened:
		s.log.Warn("a way to the site fails", "way", w.name, "reason", failed)
	case failed != nil:
		s.log.Debug("a way to the site still fails", "way", w.name, "reason", failed)
	}
}
