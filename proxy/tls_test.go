package proxy_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// testCA issues certificates for the tests: as the site's, for what its servers show, and as ours.
type testCA struct {
	testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newCA(t testing.TB) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &testCA{TB: t, key: key, pool: x509.NewCertPool()}
	ca.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a root of the tests"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca.cert = ca.sign(ca.cert, &key.PublicKey)
	ca.pool.AddCert(ca.cert)
	return ca
}

func (ca *testCA) sign(template *x509.Certificate, public any) *x509.Certificate {
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key)
	if err != nil {
		ca.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.Fatal(err)
	}
	return cert
}

// leaf makes a certificate for a name.
func (ca *testCA) leaf(name string) *tls.Certificate {
	return ca.leafLike(&x509.Certificate{}, name)
}

func (ca *testCA) leafLike(template *x509.Certificate, name string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.Fatal(err)
	}
	template.SerialNumber, template.Subject.CommonName = big.NewInt(2), name
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	cert := ca.sign(template, &key.PublicKey)
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// box is our authority as the tests have it: it covers every name but some.
type box struct {
	*testCA
	uncovered []string

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
	broken bool
}

func newBox(t testing.TB, uncovered ...string) *box {
	return &box{testCA: newCA(t), uncovered: uncovered, leaves: map[string]*tls.Certificate{}}
}

func (b *box) Covers(name string) bool { return !slices.Contains(b.uncovered, name) }

func (b *box) Certificate(name string) (*tls.Certificate, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return nil, errors.New("the authority is broken")
	}
	if b.leaves[name] == nil {
		b.leaves[name] = b.leaf(name)
	}
	return b.leaves[name], nil
}

func (b *box) breakDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
}

// trusting is a site with two authorities: its own, and the one of its servers.
type trusting struct {
	*site
	box     *box
	servers *testCA
	own     *tls.Certificate // what a client shows of itself when it is asked
}

// newTrusting makes a site that sees into dp1, dp2 and *.in.
func newTrusting(t testing.TB, o options) *trusting {
	t.Helper()
	return newTrustingFor(t, nil, o)
}

// newTrustingFor is newTrusting with servers whose certificates verify with roots; nil means those of the site's own authority.
func newTrustingFor(t testing.TB, roots *x509.CertPool, o options) *trusting {
	t.Helper()
	s := &trusting{box: newBox(t, "uncovered", "ours.blob.test", "theirs.blob.test"), servers: newCA(t)}
	s.own = s.servers.leaf("client")
	if o.config.RootCAs = roots; roots == nil {
		o.config.RootCAs = s.servers.pool
	}
	if o.config.Authority == nil {
		o.config.Authority = s.box
	}
	if o.config.InterceptHosts == nil {
		o.config.InterceptHosts = []string{"dp1", "dp2", "*.in", "uncovered", "127.0.0.9"}
	}
	s.site = newSite(t, o)
	return s
}

// startTLS runs a handler under a name of the network, over TLS. change may change how it speaks it.
func (s *trusting) startTLS(name string, h http.Handler, change func(*tls.Config)) {
	s.startTLSServer(name, &http.Server{Handler: h}, change)
}

func (s *trusting) startTLSServer(name string, server *http.Server, change func(*tls.Config)) {
	host, _, err := net.SplitHostPort(name)
	s.must(err)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*s.servers.leaf(host)}, NextProtos: []string{"http/1.1"}}
	if change != nil {
		change(server.TLSConfig)
	}
	s.startServer(name, server)
}

// inside is a client's connection within a CONNECT, under TLS.
type inside struct {
	*trusting
	*tls.Conn
	r   *bufio.Reader
	raw *raw
}

// connect begins a tunnel and returns the connection in it. early is sent together with the CONNECT.
func (s *trusting) connect(target string) *raw {
	s.Helper()
	c := s.raw().send("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target)
	wantTunnel(s, c)
	return c
}

// into begins TLS in a tunnel, as a client that trusts pool alone.
func (s *trusting) into(target string, pool *testCA) (*inside, error) {
	s.Helper()
	return s.begin(s.connect(target), target, pool)
}

func (s *trusting) begin(c *raw, target string, pool *testCA) (*inside, error) {
	host, _, err := net.SplitHostPort(target)
	s.must(err)
	conn := tls.Client(buffered{c.TCPConn, c.r}, &tls.Config{ServerName: host, RootCAs: pool.pool, NextProtos: []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{*s.own}})
	s.Cleanup(func() { conn.Close() })
	return &inside{trusting: s, Conn: conn, r: bufio.NewReader(conn), raw: c}, conn.Handshake()
}

// seenInto begins TLS in a tunnel that is to be seen into.
func (s *trusting) seenInto(target string) *inside {
	s.Helper()
	in, err := s.into(target, s.box.testCA)
	s.must(err)
	return in
}

// buffered is a connection of which something has been read.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func (in *inside) send(format string, args ...any) *inside {
	in.Helper()
	_, err := fmt.Fprintf(in.Conn, format, args...)
	in.must(err)
	return in
}

// answer reads one response, as raw.answer does.
func (in *inside) answer(method string) answer {
	resp, err := http.ReadResponse(in.r, &http.Request{Method: method})
	if err != nil {
		return answer{Response: &http.Response{Header: http.Header{}}, err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body, err}
}

// get asks for a target of dp1.
func (in *inside) get(target string, header ...string) answer {
	in.Helper()
	request := "GET " + target + " HTTP/1.1\r\nHost: dp1\r\n"
	for _, line := range header {
		request += line + "\r\n"
	}
	return in.send("%s\r\n", request).answer("GET")
}
