package proxy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"branchpoint/proxy/content"
	"branchpoint/proxy/hop"
)

// terms are what of a Config may be replaced while requests are answered. They are never changed themselves.
type terms struct {
	verdictAge, grace, tunnelIdle time.Duration

	roots  *x509.CertPool
	shared *hop.Retiring // of what is passed on

	authority        Authority // nil: nothing is seen into
	names, tunnelled []string  // hosts, or "*.suffix"; tunnelled is stronger
	blobHosts        []string  // the same

	siteHosts map[string]struct{} // management points and gateways, as host:port in lower case
}

// newTerms checks what of a Config may be replaced, and fills in the defaults. The connections are for the caller to add.
func newTerms(config Config) (*terms, error) {
	if config.VerdictAge < 0 || config.Grace < 0 || config.TunnelIdle < 0 {
		return nil, errors.New("proxy: a duration is negative")
	}
	t := &terms{
		verdictAge: config.VerdictAge, grace: config.Grace, tunnelIdle: config.TunnelIdle,
		roots: config.RootCAs, authority: config.Authority, names: config.InterceptHosts, tunnelled: config.TunnelHosts,
		blobHosts: config.BlobHosts,
	}
	if err := t.setSite(config.SiteHosts); err != nil {
		return nil, err
	}
	if t.verdictAge == 0 {
		t.verdictAge = 5 * time.Minute
	}
	if t.grace == 0 {
		t.grace = 24 * time.Hour
	}
	if t.tunnelIdle == 0 {
		t.tunnelIdle = 10 * time.Minute
	}
	return t, nil
}

// setSite takes note of the servers of the site.
func (t *terms) setSite(addresses []string) error {
	t.siteHosts = make(map[string]struct{}, len(addresses))
	for _, address := range addresses {
		_, port, err := net.SplitHostPort(address)
		host, ok := content.HostPort("http", address)
		if err != nil || port == "" || !ok {
			return fmt.Errorf("proxy: a server of the site, %.128q: that is not host:port", address)
		}
		t.siteHosts[host] = struct{}{}
	}
	return nil
}

// Prepare checks a new configuration, and returns what puts it into force for the requests to come. Of config it takes
// VerdictAge, Grace, TunnelIdle, RootCAs, Authority, InterceptHosts, TunnelHosts, BlobHosts and SiteHosts; everything else stays
// as New was told. What is remembered stays: verdicts, which hosts have served content or ask for certificates, and what was
// learned. Requests under way, tunnels, and connections that are seen into or pinned go on as they began.
func (p *Proxy) Prepare(config Config) (commit func(), err error) {
	next, err := newTerms(config)
	if err != nil {
		return nil, err
	}
	return func() { p.commit(next) }, nil
}

// commit is called by one goroutine at a time.
func (p *Proxy) commit(next *terms) {
	old := p.terms.Load()
	next.shared = old.shared
	if !old.roots.Equal(next.roots) {
		next.shared = p.forward.newConnections(next.roots)
	}
	p.terms.Store(next)
	if next.shared != old.shared {
		old.shared.Retire()
	}
}
