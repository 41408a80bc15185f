// Package proxy is what clients talk to: it admits a request, names what it asks for, and has it answered from the cache,
// forwarded untouched, or tunnelled.
//
// A request goes through the package in this order: door.go accepts, admit.go admits, classify.go names, then either
// serve.go answers content (entitle.go asks first whether this client may have it), or forward.go passes on everything
// else, of which passing.go reads what is between clients and their site. What is not understood is passed on: a client must
// never be worse off than without a proxy.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// Origins is where content comes from.
type Origins interface {
	// Hierarchy returns the name of the hierarchy that the distribution point of a target belongs to.
	Hierarchy(t content.Target) string
	// Source returns a Source for the target. It is only called for a client that may have the content.
	Source(t content.Target) cache.Source
	// Ask asks the distribution point that the target names for the file, with the client's own headers and nothing of ours,
	// without its bytes. It returns the status of the answer, or an error that is cache.ErrUnreachable.
	Ask(ctx context.Context, t content.Target) (status int, err error)
}

// Tokens takes note of tokens that clients of this machine present.
type Tokens interface {
	Observe(host string, h http.Header)
}

// Config is what a Proxy is made of. Cache, Origins and Dial must be set.
type Config struct {
	Cache   *cache.Cache
	Origins Origins
	// Manifests answers a PROPFIND that the distribution point does not. Nil means nobody does.
	Manifests Manifests
	// Tokens is shown what clients of machine listeners present. Nil means nobody is.
	Tokens Tokens
	// Served returns hosts, without ports, of distribution points that clients have named and that have served content. The PAC
	// files send them here as well. Nil means none.
	Served func() []string
	// Dial connects to the destinations of what is forwarded and tunnelled. It must refuse what the proxy must not reach:
	// see Guard.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verify what is forwarded to an https destination. Nil means the system roots.
	RootCAs *x509.CertPool
	// Authority makes the certificates of TLS connections that are seen into. Nil means that there are none: everything is
	// tunnelled.
	Authority Authority
	// InterceptHosts are the hosts, or "*.suffix", whose TLS connections are seen into, besides hosts that have served content;
	// TunnelHosts are never seen into.
	InterceptHosts, TunnelHosts []string
	// BlobHosts are the hosts, or "*.suffix", of storage services whose signed URLs name content. Their TLS connections are seen
	// into, too. Nil means none.
	BlobHosts []string
	// SiteHosts are the management points and gateways of the clients' site, as host:port. What they say to clients is believed,
	// and only they are sent tokens of Keys. Nil means none.
	SiteHosts []string
	// Reader is shown what passes between clients and SiteHosts. Nil means that nobody is.
	Reader Reader
	// Keys has tokens for gateways that refuse a list of content to a client that is entitled to them. Nil means that there are
	// none.
	Keys Keys
	// Via is our name in Via headers; a request that carries it already has come round in a circle. It must be a token of
	// RFC 9110 and differ between instances. Empty means "branchpoint-" and a random number.
	Via string
	// VerdictAge is how long a distribution point's word that a client may have a content counts. Zero means 5 minutes.
	VerdictAge time.Duration
	// Grace is how long it still counts when no distribution point can be reached, which is tried once a minute. Zero means
	// 24 hours.
	Grace time.Duration
	// TunnelIdle is how long a tunnel may be silent. Zero means 10 minutes.
	TunnelIdle time.Duration
	// Registerer takes the metrics, Logger a line a request. Nil means that nobody wants them.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Proxy answers requests for any number of listeners.
type Proxy struct {
	config    Config
	log       *slog.Logger
	metrics   *metrics
	terms     atomic.Pointer[terms]
	verdict   verdicts
	questions questions[verdictID, content.ID]
	forward   *forwarder
	learner   learner
	readings  *readings // nil: nobody reads
	via       []string  // the header's value; nobody changes it

	interception *interception
	serverTLS    *tls.Config
	corks        sync.Pool // of buffers: see corked
}

// New makes a Proxy. Close ends it.
func New(config Config) (*Proxy, error) {
	if config.Cache == nil || config.Origins == nil || config.Dial == nil {
		return nil, errors.New("proxy: a cache, origins and a dialer are needed")
	}
	if config.Via == "" {
		config.Via = fmt.Sprintf("branchpoint-%08x", rand.Uint32())
	}
	if !isToken(config.Via) {
		return nil, errors.New("proxy: the name for Via headers is not a token of RFC 9110")
	}
	first, err := newTerms(config)
	if err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{config: config, log: config.Logger, metrics: newMetrics(config.Registerer)}
	p.verdict.init(&p.terms)
	p.questions.panicked = p.panicked
	p.interception = newInterception(p)
	p.serverTLS = serverTLS()
	p.corks.New = newCork
	p.forward = newForwarder(config, p.metrics, p.interception, &p.terms)
	first.shared = p.forward.newConnections(first.roots)
	p.terms.Store(first)
	p.via = []string{"1.1 " + config.Via}
	if config.Reader != nil {
		p.readings = newReadings(config.Reader, maxPassedRoom, p.metrics.read, p.panicked)
	}
	return p, nil
}

// Close ends what outlives its request: tunnels, idle connections, what servers are asked in the background, and the Reader, for
// whose last call it waits. Listeners must have been shut down before.
func (p *Proxy) Close() {
	p.forward.close()
	p.interception.demands.close()
	p.readings.close()
}

// dispatch has a request answered by the way that its class takes.
func (p *Proxy) dispatch(e *exchange, r *http.Request) {
	if e.class != classContent {
		p.watch(e, r)
		p.forward.serve(e, p.withSecondTry(e, r))
		return
	}
	if err := p.content(e, r); err != nil {
		p.answer(e, r, err)
	}
}

// finish ends an exchange: the counters, the line in the log, and a panic that must not end more than its request.
func (p *Proxy) finish(e *exchange) {
	cause := recover()
	if cause != nil && cause != http.ErrAbortHandler {
		p.panicked(cause)
		if !e.started() {
			e.refuse(&refusal{http.StatusInternalServerError, "panic", "internal error."})
			cause = nil
		}
	}
	if e.started() && e.class != classTunnel {
		e.pace() // the server may still have an end of the body to send, and the last piece may be long ago
	}
	p.metrics.active.Dec()
	p.metrics.exchange(e)
	p.logExchange(e, cause != nil)
	p.readings.take(e.reading)
	if cause != nil {
		panic(http.ErrAbortHandler) // the server closes the connection: a cut body is never ended politely
	}
}
