package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
)

// Authority makes certificates that the clients of this machine trust.
type Authority interface {
	// Covers tells whether a client would accept a certificate for this name: a DNS name in lower case, or an IP address.
	Covers(name string) bool
	// Certificate returns the certificate for a name that is covered, with its key.
	Certificate(name string) (*tls.Certificate, error)
}

// decision is what becomes of a TLS connection that could be seen into, and why. It is a label of a metric.
type decision string

const (
	decidedSeen       decision = "intercepted"
	decidedOdd        decision = "unanswerable"  // its client speaks what our own server could not answer
	decidedOff        decision = "off"           // there is no authority
	decidedForeign    decision = "foreign"       // the host is none of ours
	decidedConfigured decision = "configured"    // the configuration wants it tunnelled
	decidedUncovered  decision = "uncovered"     // nobody would accept our certificate
	decidedDemand     decision = "client_cert"   // the host asks for the client's certificate
	decidedForbidden  decision = "forbidden"     // it leads where nobody is let
	decidedFailed     decision = "uncertifiable" // our authority failed
	decidedLeft       decision = "left"          // the client has gone
)

// interception decides which TLS connections are seen into.
type interception struct {
	terms   *atomic.Pointer[terms]
	serving *serving
	demands *demands
	sights  *sights
	log     *slog.Logger
}

func newInterception(p *Proxy) *interception {
	return &interception{
		terms:   &p.terms,
		serving: newServing(), demands: newDemands(p.config, &p.terms, p.panicked), sights: newSights(p.log), log: p.log,
	}
}

// decide says what becomes of a TLS connection to a host. The certificate is for a connection that is to be seen into; otherwise
// it is nil, and the connection is to be passed on untouched.
func (i *interception) decide(ctx context.Context, host, port string) (*tls.Certificate, decision) {
	in := i.terms.Load()
	ours := matchesAny(in.names, host) || i.serving.has(host)
	switch {
	case in.authority == nil:
		return nil, decidedOff
	case !ours && !matchesAny(in.blobHosts, host):
		return nil, decidedForeign
	case matchesAny(in.tunnelled, host):
		return nil, decidedConfigured
	case !in.authority.Covers(host) && !ours && !slices.Contains(in.blobHosts, host):
		return nil, decidedForeign // a pattern covers other people's storage too
	case !in.authority.Covers(host):
		return nil, decidedUncovered
	}
	asks, err := i.demands.asks(ctx, net.JoinHostPort(host, port))
	var forbidden *ForbiddenError
	switch {
	case errors.As(err, &forbidden):
		return nil, decidedForbidden
	case ctx.Err() != nil:
		return nil, decidedLeft
	case asks:
		return nil, decidedDemand
	}
	certificate, err := in.authority.Certificate(host)
	if err != nil {
		i.log.Error("making a certificate", "host", host, "error", err)
		return nil, decidedFailed
	}
	return certificate, decidedSeen
}

// take is interception.decide for a client of this listener. ok says that the connection is to be seen into; whether it then is
// remains to be told.
func (d *Door) take(ctx context.Context, host, port string) (certificate *tls.Certificate, ok bool) {
	certificate, decided := d.p.interception.decide(ctx, host, port)
	if certificate == nil {
		d.tell(host, decided)
	}
	return certificate, certificate != nil
}

// tell counts what has become of a TLS connection to a host.
func (d *Door) tell(host string, decided decision) {
	if decided != decidedOff && decided != decidedForeign && decided != decidedLeft {
		d.p.interception.sights.note(host, decided)
	}
	d.p.metrics.decisions.WithLabelValues(d.settings.Load().Name, string(decided)).Inc()
}

// Interception tells what becomes of TLS connections to hosts that are ours.
func (p *Proxy) Interception() Interception {
	return Interception{On: p.terms.Load().authority != nil, Hosts: p.interception.sights.status()}
}

func matchesAny(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matchHost(pattern, host, "") })
}

// bare returns the host of host:port, without brackets.
func bare(address string) string {
	host := address
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		host = address[:i]
	}
	return strings.Trim(host, "[]")
}
