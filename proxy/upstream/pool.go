package upstream

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// Pool is all the DPs that we know, and the connections to them. It is used by several goroutines at once.
type Pool struct {
	now    atomic.Pointer[pool]
	cancel context.CancelFunc
}

// pool is a Pool under one configuration. What began under it goes on under it.
type pool struct {
	cfg     Config
	dir     *directory
	conns   *conns
	offers  *offers
	facts   *facts
	metrics *metrics

	ctx context.Context // ends with the Pool, and every request of it
}

// New makes a Pool. It refuses a Config that contradicts itself. It dials nobody.
func New(cfg Config) (*Pool, error) {
	first, err := newPool(cfg)
	if err != nil {
		return nil, err
	}
	p := &Pool{}
	if first.metrics, err = newMetrics(first.cfg.Registerer, p.locations); err != nil {
		return nil, fmt.Errorf("upstream: registering the metrics: %w", err)
	}
	first.conns, first.offers, first.facts = newConns(first.cfg), newOffers(), newFacts()
	first.ctx, p.cancel = context.WithCancel(context.Background())
	p.now.Store(first)
	return p, nil
}

// newPool checks a configuration. What outlives one is for the caller to add.
func newPool(cfg Config) (*pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	dir, err := newDirectory(cfg)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return &pool{cfg: cfg, dir: dir}, nil
}

// Close ends every request that is under way, and the streams with it, and closes the idle connections.
func (p *Pool) Close() {
	now := p.now.Load()
	p.cancel()
	now.conns.CloseIdleConnections()
	now.metrics.unregister(now.cfg.Registerer)
}

// ended says why there is nothing more to do for a caller: it has gone, or the Pool has. Nil when neither is so.
func (p *pool) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.ctx.Err() != nil {
		return errClosed
	}
	return nil
}

// Source returns the supplier of the file that t, a Target of content.Parse or content.ParseBlob, names. t.Header goes to the
// server that t names; the token in it also to other DPs of its audience, for this client alone. The caller has established
// that the client is entitled to what our token opens, or to the blob. The signed URL of a blob then serves others who are
// entitled to it, too, when their own have ended.
func (p *Pool) Source(t content.Target) cache.Source {
	s := p.now.Load().source(t, false)
	if s.isBlob() && t.Signed { // other credentials are the client's alone
		s.pool.offers.add(t.ID, newOffer(t.Raw, s.pool.lentHeaders(s.target.Header), t.Until))
	}
	return s
}

func (p *pool) source(t content.Target, clientAuth bool) *source {
	t.Header = t.Header.Clone() // a Source may outlive the request
	s := &source{pool: p, target: t, clientAuth: clientAuth, named: p.dir.named(t)}
	if s.isBlob() {
		s.own = newOffer(t.Raw, p.ownHeaders(t.Header), t.Until)
	}
	return s
}

// Hierarchy returns the hierarchy of the server that t names, for its ID. A storage service is one of its own.
func (p *Pool) Hierarchy(t content.Target) string {
	at := endpoint{t.Scheme, t.Host}
	if t.ID.Share == content.Blob {
		return ownHierarchy(at)
	}
	return p.now.Load().dir.hierarchy(at)
}

// LocationStatus is how one DP is doing.
type LocationStatus struct {
	// URL is where its plain directories are.
	URL       string `json:"url"`
	Hierarchy string `json:"hierarchy"`
	// Configured is false for one that a client or a site named.
	Configured bool `json:"configured"`
	// Located is true for one that a site named.
	Located bool `json:"located,omitempty"`
	// State of its circuit breaker: "closed", "half-open" or "open", since then.
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// Failures in a row. LastError and LastErrorAt tell of the last one ever.
	Failures    int       `json:"failures"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	// Bytes of bodies received, and Requests begun, since the start of the program.
	Bytes    int64 `json:"bytes"`
	Requests int64 `json:"requests"`
	// LatencySeconds is the moving average of the time to the header of an answer; zero when there was none.
	LatencySeconds float64 `json:"latency_seconds"`
}

// Status returns the configured DPs in their order, then those that a site named and those that clients named, in both cases the
// last one first.
func (p *Pool) Status() []LocationStatus {
	var list []LocationStatus
	for _, loc := range p.locations() {
		s := LocationStatus{URL: loc.base.String(), Hierarchy: loc.hierarchy, Configured: loc.configured, Located: loc.located}
		loc.health.snapshot(&s)
		list = append(list, s)
	}
	return list
}

func (p *Pool) locations() []*location { return p.now.Load().dir.all() }

// received and headerCame keep the books of a DP.
func (p *pool) received(loc *location, n int) {
	loc.health.received(n)
	p.metrics.bytes.WithLabelValues(loc.label).Add(float64(n))
}

func (p *pool) headerCame(loc *location, after time.Duration) {
	loc.health.headerAfter(after)
	p.metrics.latency.WithLabelValues(loc.label).Observe(after.Seconds())
}
