package tokenbroker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxOffers is how many tokens of clients are kept for an audience: enough that one client with a bad token does not
// push out the good token of another at once.
const maxOffers = 4

// RequestSource has the tokens that clients presented in their own requests, which Broker.Observe passes on. Its name is
// "request".
type RequestSource struct{ memory *offerMemory }

// offerMemory is what clients have presented. It outlives its source when another one takes over.
type offerMemory struct {
	mu     sync.Mutex
	offers *simplelru.LRU[string, []offer] // those that a server accepted, the last one first, then the latest first
}

// offer is a token that a client presented.
type offer struct {
	token    Token
	accepted bool // by a server
}

var (
	_ Source    = (*RequestSource)(nil)
	_ Observer  = (*RequestSource)(nil)
	_ Forgetter = (*RequestSource)(nil)
)

// NewRequestSource returns a source that has no token yet.
func NewRequestSource() *RequestSource {
	return &RequestSource{&offerMemory{offers: newRecent[[]offer]()}}
}

// Name is "request".
func (*RequestSource) Name() string { return "request" }

// Token returns the first token of Offered.
func (s *RequestSource) Token(_ context.Context, audience string) (Token, error) {
	if offered := s.Offered(audience); len(offered) > 0 {
		return offered[0], nil
	}
	return Token{}, ErrUnavailable
}

// Offered is part of Observer.
func (s *RequestSource) Offered(audience string) (all []Token) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	offers, _ := m.offers.Get(audience)
	now := time.Now()
	for _, o := range offers {
		if !o.token.expired(now) {
			all = append(all, o.token)
		}
	}
	return all
}

// Offer is part of Observer. A token that is known already keeps its expiry: seeing it again makes it no younger.
func (s *RequestSource) Offer(audience string, t Token) (fresh bool) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	offers, _ := m.offers.Get(audience)
	now := time.Now()
	offers = slices.DeleteFunc(offers, func(o offer) bool { return o.token.expired(now) })
	if fresh = !slices.ContainsFunc(offers, t.offered); fresh {
		at := slices.IndexFunc(offers, func(o offer) bool { return !o.accepted })
		if at < 0 {
			at = len(offers)
		}
		offers = slices.Insert(offers, at, offer{token: t})
	}
	m.offers.Add(audience, offers[:min(len(offers), maxOffers)])
	return fresh
}

// Accept is part of Observer.
func (s *RequestSource) Accept(audience string, t Token) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	offers, _ := m.offers.Get(audience)
	offers = slices.Insert(slices.DeleteFunc(offers, t.offered), 0, offer{t, true})
	m.offers.Add(audience, offers[:min(len(offers), maxOffers)])
}

// Forget is part of Forgetter.
func (s *RequestSource) Forget(audience string, t Token) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if offers, ok := m.offers.Get(audience); ok {
		m.offers.Add(audience, slices.DeleteFunc(offers, t.offered))
	}
}

// offered reports whether t is what was offered.
func (t Token) offered(o offer) bool { return o.token.print == t.print }

// Drop implements Dropper.
func (s *RequestSource) Drop(audience string) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offers.Remove(audience)
}
