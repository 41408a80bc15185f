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
type RequestSource struct {
	mu     sync.Mutex
	offers *simplelru.LRU[string, []Token] // latest first
}

var (
	_ Source    = (*RequestSource)(nil)
	_ Observer  = (*RequestSource)(nil)
	_ Forgetter = (*RequestSource)(nil)
)

// NewRequestSource returns a source that has no token yet.
func NewRequestSource() *RequestSource {
	return &RequestSource{offers: newRecent[[]Token]()}
}

// Name is "request".
func (*RequestSource) Name() string { return "request" }

// Token returns the latest token that was offered and has not ended.
func (s *RequestSource) Token(_ context.Context, audience string) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	offers, _ := s.offers.Get(audience)
	now := time.Now()
	for _, t := range offers {
		if !t.expired(now) {
			return t, nil
		}
	}
	return Token{}, ErrUnavailable
}

// Offer is part of Observer. A token that is known already keeps its expiry: seeing it again makes it no younger.
func (s *RequestSource) Offer(audience string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	offers, _ := s.offers.Get(audience)
	if slices.ContainsFunc(offers, func(o Token) bool { return o.print == t.print }) {
		return
	}
	offers = append([]Token{t}, offers...)
	s.offers.Add(audience, offers[:min(len(offers), maxOffers)])
}

// Forget is part of Forgetter.
func (s *RequestSource) Forget(audience string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offers, ok := s.offers.Get(audience); ok {
		s.offers.Add(audience, slices.DeleteFunc(offers, func(o Token) bool { return o.print == t.print }))
	}
}
