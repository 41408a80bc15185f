package site

import (
	"context"
	"errors"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// source is one way as a source of tokens.
type source struct {
	site *Site
	way  string
}

var (
	_ tokenbroker.Source    = (*source)(nil)
	_ tokenbroker.Forgetter = (*source)(nil)
	_ tokenbroker.Dropper   = (*source)(nil)
)

// Source returns the way of that name as a source of tokens: "management-point" for "mp", "gateway" for "cmg", and its own
// name for others. It is the same one each time, and goes on after Prepare. Any trouble Is tokenbroker.ErrUnavailable with a
// tokenbroker.Failure, so that a chain of sources goes on: that there is no such way, that it fails, that it has no token.
// While another way that was made a source works, it does not wait long for one that is silent.
func (s *Site) Source(way string) tokenbroker.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources[way] == nil {
		s.sources[way] = &source{s, way}
	}
	return s.sources[way]
}

// Name implements tokenbroker.Source.
func (o *source) Name() string {
	switch o.way {
	case "mp":
		return "management-point"
	case "cmg":
		return "gateway"
	}
	return o.way
}

// Token implements tokenbroker.Source.
func (o *source) Token(ctx context.Context, audience string) (tokenbroker.Token, error) {
	t := o.site.terms.Load()
	n, err := o.site.token(ctx, t, t.named(o.way), audience, o.site.another(t, o.way))
	if err == nil {
		return n.out, nil
	}
	if known, ok := errors.AsType[*trouble](err); ok {
		return tokenbroker.Token{}, known
	}
	return tokenbroker.Token{}, newTrouble("token: "+saying(err), err)
}

// Forget implements tokenbroker.Forgetter.
func (o *source) Forget(audience string, t tokenbroker.Token) {
	token, from := o.site.purse.forget(audience, t.Fingerprint())
	o.site.tell(o.site.terms.Load(), token, from)
}

// Drop implements tokenbroker.Dropper.
func (o *source) Drop(audience string) { o.site.purse.drop(audience) }

// another tells whether there is another way that is a source and works.
func (s *Site) another(t *terms, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range t.ways {
		if w.name == name || s.sources[w.name] == nil {
			continue
		}
		if ready, _ := w.circuit.look(s.now()); ready {
			return true
		}
	}
	return false
}

// forget drops a token that a server refused, here and in the client that gave it.
func (s *Site) forget(t *terms, audience, print string) {
	token, from := s.purse.refuse(audience, print, s.now())
	s.tell(t, token, from)
}

// tell has clients forget a token that they gave.
func (s *Site) tell(t *terms, token ccm.Token, from []string) {
	for _, name := range from {
		if w := t.way(name); w != nil {
			w.client.ForgetDPToken(token)
		}
	}
}
