package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// errNotEntitled says that the distribution point does not let this client have the content. The client gets the
// distribution point's own answer.
var errNotEntitled = errors.New("the distribution point does not admit the client")

// entitled decides whether the client of e may have the target's content. A cache that gave away what a protected
// distribution point would refuse would turn it into an open one.
func (p *Proxy) entitled(e *exchange, r *http.Request, t content.Target) error {
	switch {
	case e.listener.Entitlement == Machine && !mustAsk(t):
		p.observe(e, t)
		return nil
	case e.ready, // which it is only when this was settled
		e.listener.Entitlement == Network && e.inNetworks() && !mustAsk(t):
		return nil
	}
	err := p.asked(r.Context(), t)
	if errors.Is(err, cache.ErrUnreachable) && e.ours() {
		return nil // only a blob's storage can judge a signed URL, and it is silent; what comes then comes by our own right
	}
	return err
}

// observe shows the broker what a client of this machine presents to a distribution point.
func (p *Proxy) observe(e *exchange, t content.Target) {
	if p.config.Tokens != nil && e.listener.Entitlement == Machine {
		p.config.Tokens.Observe(t.Host, t.Header)
	}
}

func (e *exchange) inNetworks() bool {
	addr, err := netip.ParseAddr(e.client)
	return err == nil && slices.ContainsFunc(e.listener.Networks, func(n netip.Prefix) bool {
		return n.Contains(addr.Unmap().WithZone(""))
	})
}

// asked lets the distribution point decide, or remembers what it decided a short while ago for the same credential and
// the same content. Requests with the same question share one answer.
func (p *Proxy) asked(ctx context.Context, t content.Target) error {
	id := p.verdict.id(t)
	if p.verdict.settled(id) {
		return nil
	}
	file, err := p.questions.put(ctx, id, func(ctx context.Context) (content.ID, error) { return t.ID, p.ask(ctx, id, t) })
	if errors.Is(err, errNotEntitled) && file != t.ID {
		return p.ask(ctx, id, t) // another file of the content may just be missing
	}
	return err
}

// ask puts the question, and remembers the answer.
func (p *Proxy) ask(ctx context.Context, id verdictID, t content.Target) error {
	status, err := p.config.Origins.Ask(ctx, t)
	switch {
	case err == nil && status >= 200 && status < 300:
		p.verdict.note(id, t)
		p.metrics.verdict("admitted")
		return nil
	case err == nil:
		p.verdict.forget(id)
		p.metrics.verdict("refused")
		return errNotEntitled
	case errors.Is(err, cache.ErrUnreachable) && p.verdict.extend(id):
		p.metrics.verdict("grace")
		return nil
	}
	p.metrics.verdict("unknown")
	return err
}

// settled tells whether the client of e may have its target's content, without anybody being asked now.
func (p *Proxy) settled(e *exchange) bool {
	return e.ours() && !mustAsk(e.target) || p.verdict.settled(p.verdict.id(e.target))
}
