package integration

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"branchpoint/integration/sim"
)

// tap stands in front of a server that speaks TLS, at the same port of another address and with a certificate of the site, and keeps
// the text of what passes: a simulated site tells nobody which tokens it has issued.
type tap struct {
	name   string
	ln     net.Listener
	behind string
	client *tls.Config
	relays sync.WaitGroup

	mu    sync.Mutex
	texts []*bytes.Buffer // of one direction of one connection each
	open  map[net.Conn]bool
	over  bool
}

// startTap begins to listen at a host, for a server at another one.
func startTap(t testing.TB, name string, ca *sim.CA, host, behind string) *tap {
	t.Helper()
	certificate, err := ca.Issue(host)
	must(t, err)
	_, port, err := net.SplitHostPort(behind)
	must(t, err)
	p := &tap{name: name, behind: behind, open: map[net.Conn]bool{},
		client: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Pool(), ServerName: host}}
	p.ln, err = tls.Listen("tcp", net.JoinHostPort(host, port), &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}})
	must(t, err)
	p.relays.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *tap) serve() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.relays.Go(func() { p.relay(c) })
	}
}

// relay connects a client with the server, until one of them leaves.
func (p *tap) relay(c net.Conn) {
	defer c.Close()
	to, err := tls.Dial("tcp", p.behind, p.client)
	if err != nil {
		return
	}
	defer to.Close()
	if !p.enter(c, to) {
		return
	}
	var there sync.WaitGroup
	there.Go(func() { p.copy(to, c) })
	p.copy(c, to)
	there.Wait()
	p.leave(c, to)
}

// copy passes on what comes. When that is over, the connections are.
func (p *tap) copy(to, from net.Conn) {
	text := &bytes.Buffer{}
	p.mu.Lock()
	p.texts = append(p.texts, text)
	p.mu.Unlock()
	_, _ = io.Copy(io.MultiWriter(&kept{p, text}, to), from)
	from.Close()
	to.Close()
}

// kept adds to a text of a tap.
type kept struct {
	of   *tap
	text *bytes.Buffer
}

func (k *kept) Write(b []byte) (int, error) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	return k.text.Write(b)
}

func (p *tap) enter(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = true
	}
	return !p.over
}

func (p *tap) leave(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

func (p *tap) close() {
	p.ln.Close()
	p.mu.Lock()
	p.over = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.relays.Wait()
}

// seen is all that has passed.
func (p *tap) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all strings.Builder
	for _, text := range p.texts {
		all.WriteString(text.String() + "\n")
	}
	return all.String()
}
