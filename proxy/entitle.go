package proxy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// errNotEntitled says that the distribution point does not let this client have the content. The client gets the
// distribution point's own answer.
var errNotEntitled = errors.New("the distribution point does not admit the client")

// entitled decides whether the client of e may have the target's content. A cache that gave away what a protected
// distribution point would refuse would turn it into an open one.
func (p *Proxy) entitled(e *exchange, r *http.Request, t content.Target) error {
	switch e.listener.Entitlement {
	case Machine:
		if p.config.Tokens != nil {
			p.config.Tokens.Observe(t.Host, t.Header)
		}
		return nil
	case Network:
		if e.inNetworks() {
			return nil
		}
	}
	return p.asked(r.Context(), t)
}

func (e *exchange) inNetworks() bool {
	addr, err := netip.ParseAddr(e.client)
	return err == nil && slices.ContainsFunc(e.listener.Networks, func(n netip.Prefix) bool {
		return n.Contains(addr.Unmap().WithZone(""))
	})
}

// asked lets the distribution point decide, or remembers what it decided a short while ago for the same credential and
// the same content.
func (p *Proxy) asked(ctx context.Context, t content.Target) error {
	id := p.verdict.id(t)
	age, known := p.verdict.age(id)
	if known && age < p.config.VerdictAge {
		return nil
	}
	status, err := p.config.Origins.Ask(ctx, t)
	switch {
	case err == nil && status >= 200 && status < 300:
		p.verdict.note(id)
		p.metrics.verdict("admitted")
		return nil
	case err == nil:
		p.verdict.forget(id)
		p.metrics.verdict("refused")
		return errNotEntitled
	case known && errors.Is(err, cache.ErrUnreachable):
		p.metrics.verdict("grace")
		return nil
	}
	p.metrics.verdict("unknown")
	return err
}

// verdicts remembers that a credential was admitted to a content. Refusals are not remembered: a client that was just
// given access must not wait.
type verdicts struct {
	key   [32]byte
	grace time.Duration

	admitted *lru.Cache[verdictID, time.Time]
}

// verdictID is a keyed hash of the credential, the host and the content, so that no credential is kept.
type verdictID [sha256.Size]byte

// maxVerdicts is 5,000 clients with a dozen contents each.
const maxVerdicts = 1 << 16

func (v *verdicts) init(grace time.Duration) {
	rand.Read(v.key[:])
	v.grace = grace
	v.admitted, _ = lru.New[verdictID, time.Time](maxVerdicts) // fails only for a size below one
}

// notCredentials are the request headers that say nothing of who asks. How a token is presented is not public, so every
// other header counts as part of the credential.
var notCredentials = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Range", "User-Agent", "Via",
	"X-P2p-Peerdist", "X-P2p-Peerdistex"}

// id names the question whether the sender of t.Header may have the content of t.
func (v *verdicts) id(t content.Target) verdictID {
	mac := hmac.New(sha256.New, v.key[:])
	part := func(s string) {
		mac.Write([]byte{byte(len(s) >> 16), byte(len(s) >> 8), byte(len(s))})
		mac.Write([]byte(s))
	}
	part(t.Scheme + "://" + t.Host)
	part(t.Vdir.String())
	part(t.ID.Group())
	names := make([]string, 0, len(t.Header))
	for name := range t.Header {
		if !slices.Contains(notCredentials, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range t.Header[name] {
			part(name)
			part(value)
		}
	}
	return verdictID(mac.Sum(nil))
}

// age returns how old the last admission is, and whether there is one that is not older than the grace.
func (v *verdicts) age(id verdictID) (time.Duration, bool) {
	at, ok := v.admitted.Get(id)
	age := time.Since(at)
	return age, ok && age < v.grace
}

func (v *verdicts) note(id verdictID) { v.admitted.Add(id, time.Now()) }

// forget ends an admission: the grace is for a distribution point that is silent, and this one has spoken.
func (v *verdicts) forget(id verdictID) { v.admitted.Remove(id) }
