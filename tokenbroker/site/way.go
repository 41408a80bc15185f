package site

import (
	"context"
	"errors"
	"time"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxAtOnce bounds the questions that one way is asked at a time. What comes later waits.
	maxAtOnce = 8
	// askTimeout bounds one question. A client bounds each request by itself; a question may take a few, one for a token of
	// Microsoft Entra and one for a CCM token among them.
	askTimeout = time.Minute
)

// way is one way to the site, with how it is doing.
type way struct {
	name    string
	client  Client
	secure  bool // it is spoken to over TLS
	circuit circuit
	slots   chan struct{} // one for each question under way
}

func newWay(w Way) *way {
	return &way{name: w.Name, client: w.Client, secure: w.Secure, slots: make(chan struct{}, maxAtOnce)}
}

// followedBy is w itself where nothing has changed, or else next, which then knows when there was last an answer.
func (w *way) followedBy(next *way) *way {
	if w.client == next.client {
		return w
	}
	next.circuit.remember(&w.circuit)
	return next
}

// ask puts a question to a way, unless that has failed a moment ago. The error is a *trouble, that of ctx, or ErrNoToken as
// the question returned it.
func (s *Site) ask(ctx context.Context, w *way, question func(context.Context, Client) error) error {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	p, err := w.circuit.enter(ctx, s.now)
	if err != nil {
		return err
	}
	inTime, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err = question(inTime, w.client)
	if err != nil && ctx.Err() != nil {
		w.circuit.abandon(p)
		return ctx.Err()
	}
	s.metrics.count(w.name, kindOf(err))
	if err == nil || errors.Is(err, ccm.ErrNoToken) { // a site that has no token for us is one that answers
		c := w.circuit.leave(p, nil, s.now())
		s.report(w, c, nil)
		s.inquire(w, c == closed)
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
	s.report(w, w.circuit.leave(p, failed, s.now()), failed)
	return failed
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
