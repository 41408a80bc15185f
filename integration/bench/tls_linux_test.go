package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newTLSPlan is newPlan for hits over TLS.
func newTLSPlan() plan {
	if full() {
		return plan{[]int64{1 << 20, 256 << 20}, []int{1, 16}, 5, 2 * time.Second}
	}
	return plan{[]int64{1 << 20}, []int{16}, 1, time.Second}
}

// TestSideBySideTLS compares hits over TLS with those of nginx: the same certificate with a key on P-256, and the same version
// and cipher suite. The product is a gateway there; interception differs from that in its first request only.
func TestSideBySideTLS(t *testing.T) {
	wrk := program(t, "wrk")
	p := newTLSPlan()
	o := startOrigin(t, p.sizes...)
	pair := newPair(t)
	servers := []*server{startGateway(t, o, pair), startNginx(t, o.host(t), pair)}
	agreed := map[string]uint16{}
	for _, s := range servers {
		for _, f := range o.files {
			o.get(t, s, f) // the miss
			agreed[s.name] = o.get(t, s, f)
		}
	}
	for name, suite := range agreed {
		if suite != tls.TLS_AES_128_GCM_SHA256 {
			t.Fatalf("%s agrees to %s: the comparison is of something else", name, tls.CipherSuiteName(suite))
		}
	}
	fetched := o.dp.Counters().Bytes()
	table := &table{others: []string{"nginx"}}
	for _, f := range o.files {
		for _, c := range p.connections {
			table.add(measure(t, o, servers, f, c, wrk, p))
		}
	}
	if again := o.dp.Counters().Bytes() - fetched; again != 0 {
		t.Errorf("%d bytes were fetched from the origin while hits were measured", again)
	}
	table.report(t, p)
}

// pair is a certificate for the servers, in files.
type pair struct {
	certificate, key string
	roots            *x509.CertPool // it and no other
}

func newPair(t *testing.T) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"bench.test"},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	dir := workDir(t, "tls")
	p := &pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.roots.AppendCertsFromPEM(text)
	must(t, os.WriteFile(p.certificate, text, 0o644))
	must(t, os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return p
}

// trusting is what a client needs to trust the servers.
func (p *pair) trusting() *tls.Config { return &tls.Config{RootCAs: p.roots, ServerName: "bench.test"} }

// startGateway runs the product as a gateway to the origin.
func startGateway(t *testing.T, o *origin, p *pair) *server {
	t.Helper()
	s, file := newServer(t, "branchpoint", gatewayConfig, map[string]string{
		"ORIGIN": o.dp.Address("https"), "CERTIFICATE": p.certificate, "KEY": p.key,
	})
	must(t, os.WriteFile(filepath.Join(s.dir, "origin.pem"), o.ca.PEM(), 0o644))
	s.pair = p
	return startServer(t, s, binary, "serve", "--config", file)
}

const gatewayConfig = `
listeners:
  - {name: bench, address: '$ADDRESS', kind: gateway, distribution_point: '$ORIGIN',
     tls: {certificate_file: '$CERTIFICATE', key_file: '$KEY'}}
distribution_points: [{url: 'https://$ORIGIN'}]
upstream: {ca_files: ['$DIR/origin.pem']}
admin: {address: '$ADMIN', token_file: '$DIR/admin.token'}
cache: {directory: '$DIR/cache', min_free_bytes: 0}
log: {level: warn}
shutdown_timeout: 1s
`

// nginxTLS follows the address of an nginx that speaks TLS, with the suite that the product and its clients agree to.
const nginxTLS = `ssl;
    ssl_certificate %s;
    ssl_certificate_key %s;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256`
