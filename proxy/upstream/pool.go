package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// Pool is all the DPs that we know, and the connections to them. It is used by several goroutines at once.
type Pool struct {
	cfg       Config
	dir       *directory
	transport *http.Transport
	metrics   *metrics

	ctx    context.Context // ends with the Pool, and every request of it
	cancel context.CancelFunc
}

// New makes a Pool. It refuses a Config that contradicts itself. It dials nobody.
func New(cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	dir, err := newDirectory(cfg)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	p := &Pool{cfg: cfg, dir: dir}
	p.transport = p.newTransport()
	if p.metrics, err = newMetrics(cfg.Registerer, dir); err != nil {
		return nil, fmt.Errorf("upstream: registering the metrics: %w", err)
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// maxIdle is how many idle connections are kept, of all hosts: a client may name any number of them.
const maxIdle = 256

// newTransport speaks HTTP/1.1 only, as IIS wants it for Windows authentication, through no proxy, and changes no body.
func (p *Pool) newTransport() *http.Transport {
	cfg := p.cfg
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols: protocols,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			// net/http lets a dial go on when its request has ended: this is what bounds it.
			ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
			defer cancel()
			conn, err := p.dial(ctx, network, addr)
			if err != nil {
				return nil, dialError{err}
			}
			return conn, nil
		},
		TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    cfg.MaxConnsPerHost,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         64 << 10,
	}
}

// shortPause is the wait for a descriptor that somebody else gives back.
const shortPause = 20 * time.Millisecond

// dial connects. When the process has no descriptor left, that says nothing of the DP: idle connections are given up, and
// it waits for its turn.
func (p *Pool) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	for {
		conn, err := p.cfg.Dial(ctx, network, addr)
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return conn, err
		}
		p.transport.CloseIdleConnections()
		select {
		case <-time.After(shortPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// Close ends every request that is under way, and the streams with it, and closes the idle connections.
func (p *Pool) Close() {
	p.cancel()
	p.transport.CloseIdleConnections()
	p.metrics.unregister(p.cfg.Registerer)
}

// ended says why there is nothing more to do for a caller: it has gone, or the Pool has. Nil when neither is so.
func (p *Pool) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.ctx.Err() != nil {
		return errClosed
	}
	return nil
}

// Source returns the supplier of the file that t, a Target of content.Parse, names. t.Header goes to the DP that t names and to no other. The caller has
// established that the client is entitled to what our token opens.
func (p *Pool) Source(t content.Target) cache.Source { return p.source(t, false) }

func (p *Pool) source(t content.Target, clientAuth bool) *source {
	t.Header = t.Header.Clone() // a Source may outlive the request
	return &source{pool: p, target: t, clientAuth: clientAuth, named: p.dir.named(t)}
}

// Hierarchy returns the hierarchy of the DP that t names, for its ID.
func (p *Pool) Hierarchy(t content.Target) string { return p.dir.hierarchy(endpoint{t.Scheme, t.Host}) }

// LocationStatus is how one DP is doing.
type LocationStatus struct {
	// URL is where its plain directories are.
	URL       string `json:"url"`
	Hierarchy string `json:"hierarchy"`
	// Configured is false for one that a client named.
	Configured bool `json:"configured"`
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

// Status returns the configured DPs in their order, then those that clients named, the last one first.
func (p *Pool) Status() []LocationStatus {
	var list []LocationStatus
	for _, loc := range p.dir.all() {
		s := LocationStatus{URL: loc.base.String(), Hierarchy: loc.hierarchy, Configured: loc.configured}
		loc.health.snapshot(&s)
		list = append(list, s)
	}
	return list
}

// received and headerCame keep the books of a DP.
func (p *Pool) received(loc *location, n int) {
	loc.health.received(n)
	p.metrics.bytes.WithLabelValues(loc.label).Add(float64(n))
}

func (p *Pool) headerCame(loc *location, after time.Duration) {
	loc.health.headerAfter(after)
	p.metrics.latency.WithLabelValues(loc.label).Observe(after.Seconds())
}
