package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A host that asks its clients for a TLS certificate cannot be seen into: only the client has the key. So before a host is
// seen into for the first time, a handshake with it tells whether it asks. Servers that ask only after the request, by a
// renegotiation, are noted when they do, which no handshake gainsays; with TLS 1.3 they cannot ask us at all, and have to be
// configured.

const (
	// demandAge is how long it counts whether a host asks for a certificate.
	demandAge = 10 * time.Minute
	// doubtAge is how long nobody tries again a host that could not be reached. What was known before holds on.
	doubtAge = time.Minute
	// lateAge is how long it counts that a host has asked after the request. Only a client's request that fails can tell again.
	lateAge = 24 * time.Hour
	// probeTimeout bounds the handshake; a client is waiting.
	probeTimeout = 5 * time.Second
	// maxDemands bounds the hosts that are remembered.
	maxDemands = 1024
)

// demands knows which hosts (host:port) ask for a client's certificate.
type demands struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	terms *atomic.Pointer[terms]

	asking questions[string, demand]
	known  *lru.Cache[string, demand]
	late   *lru.Cache[string, time.Time] // until when it counts that a host asks after the request

	ctx     context.Context // of the questions that no client waits for
	cancel  context.CancelFunc
	running sync.WaitGroup // those questions
	doubted sync.Map       // string, the hosts that they are about
}

// demand is what is known of a host.
type demand struct {
	asks  bool
	doubt bool // it could not be reached: asks is what was known before
	until time.Time
}

func newDemands(config Config, terms *atomic.Pointer[terms], panicked func(any)) *demands {
	d := &demands{dial: config.Dial, terms: terms}
	d.asking.panicked = panicked
	d.known, _ = lru.New[string, demand](maxDemands) // fails only for a size below one
	d.late, _ = lru.New[string, time.Time](maxDemands)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// close ends what is asked in the background. Nobody may want to know anything any more.
func (d *demands) close() {
	d.cancel()
	d.running.Wait()
}

// asks tells whether a host asks for a certificate. One that cannot be reached does not, unless it did before: there may be
// content of it on disk. Only the first client of such a host waits for it, in vain. The error is ForbiddenError, or why ctx ended.
func (d *demands) asks(ctx context.Context, address string) (bool, error) {
	known, ok := d.known.Get(address)
	switch {
	case d.asksLate(address):
		return true, nil
	case ok && time.Now().Before(known.until):
		return known.asks, nil
	case ok && known.doubt:
		d.tryAgain(address)
		return known.asks, nil
	}
	known, err := d.put(ctx, address)
	return known.asks, err
}

func (d *demands) put(ctx context.Context, address string) (demand, error) {
	return d.asking.put(ctx, address, func(ctx context.Context) (demand, error) { return d.ask(ctx, address) })
}

// tryAgain asks a host that could not be reached, while nobody waits.
func (d *demands) tryAgain(address string) {
	if _, under := d.doubted.LoadOrStore(address, nil); under {
		return
	}
	d.running.Go(func() {
		defer d.doubted.Delete(address)
		_, _ = d.put(d.ctx, address) // it is remembered; who comes next is told the error, if there is one
	})
}

// ask finds out, and remembers it.
func (d *demands) ask(ctx context.Context, address string) (demand, error) {
	asks, err := d.handshake(ctx, address)
	var forbidden *ForbiddenError
	switch {
	case errors.As(err, &forbidden):
		d.known.Remove(address)
		return demand{}, err
	case ctx.Err() != nil:
		return demand{}, context.Cause(ctx)
	}
	now := demand{asks: asks, until: time.Now().Add(demandAge)}
	if err != nil && !asks {
		known, _ := d.known.Get(address)
		now = demand{asks: known.asks, doubt: true, until: time.Now().Add(doubtAge)}
	}
	d.known.Add(address, now)
	return now, nil
}

// handshake begins TLS with a host, as a client that has no certificate.
func (d *demands) handshake(ctx context.Context, address string) (asks bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := d.dial(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, err
	}
	client := tls.Client(conn, &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: d.terms.Load().roots, ServerName: host, NextProtos: []string{"http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asks = true
			return new(tls.Certificate), nil
		},
	})
	err = client.HandshakeContext(ctx)
	return asks, err
}

// note remembers that a host has asked for a certificate.
func (d *demands) note(address string) {
	d.known.Add(address, demand{asks: true, until: time.Now().Add(demandAge)})
}

// noteError does so when an error says it: see wantsCertificate.
func (d *demands) noteError(address string, err error) {
	switch {
	case wantsLate(err):
		d.late.Add(address, time.Now().Add(lateAge))
	case wantsCertificate(err):
		d.note(address)
	}
}

// asksLate tells whether a host has asked after a request.
func (d *demands) asksLate(address string) bool {
	until, ok := d.late.Get(address)
	return ok && time.Now().Before(until)
}

// remembers tells whether a host has asked lately.
func (d *demands) remembers(address string) bool {
	known, ok := d.known.Get(address)
	return d.asksLate(address) || ok && known.asks && time.Now().Before(known.until)
}

// asked is the GetClientCertificate of what is passed on. It has no certificate to give.
func (d *demands) asked(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if t, ok := info.Context().Value(transitKey{}).(transit); ok {
		d.note(t.address)
	}
	return new(tls.Certificate), nil
}

// wantsCertificate tells whether an error says that a server wants the client's certificate: it has ended the handshake
// because there was none (TLS 1.3), or wanted to begin another handshake after the request (TLS 1.2). Package crypto/tls has
// the alerts in words alone.
func wantsCertificate(err error) bool {
	return alerted(err, "remote error", "certificate required") || wantsLate(err)
}

// wantsLate tells the second of these from the first: no handshake before a request shows it.
func wantsLate(err error) bool { return alerted(err, "local error", "no renegotiation") }

func alerted(err error, side, alert string) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Err != nil && op.Op == side && strings.HasSuffix(op.Err.Error(), alert)
}
