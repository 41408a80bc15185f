package assembly

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"branchpoint/integration/sim"
	"branchpoint/proxy/authority"
)

// gatewayOn is a gateway with its certificate from files.
const gatewayOn = `
distribution_points: [{url: "http://dp1"}]
listeners:
  - {name: a, address: "127.0.0.1:0"}
  - {name: b, address: "127.0.0.1:0", kind: gateway, distribution_point: dp1, tls: {certificate_file: b.pem, key_file: b.key}}
`

// TestReloadNamesACertificateFile whose contents are others, and no other.
func TestReloadNamesACertificateFile(t *testing.T) {
	dir := t.TempDir()
	certificateIn(t, dir)
	r := newRigIn(t, dir, gatewayOn)
	r.reloads()
	before := r.shownBy(1)
	certificateIn(t, dir)
	r.reloads("listeners[1].tls.certificate_file")
	if slices.Equal(r.shownBy(1), before) {
		t.Error("the old certificate is shown")
	}
	r.reloads()
	after := r.shownBy(1)
	r.must(os.WriteFile(filepath.Join(dir, "b.pem"), []byte("junk"), 0o600))
	if _, err := r.Reload(); err == nil || !slices.Equal(r.shownBy(1), after) {
		t.Errorf("a reload of junk: %v", err)
	}
}

// TestReloadTellsWhoKeepsAnAuthority: a gateway that cannot have its new settings before a restart cannot have the next authority
// either, and that is said as long as it is so.
func TestReloadTellsWhoKeepsAnAuthority(t *testing.T) {
	const named = `
distribution_points: [{url: "http://dp1"}]
listeners:
  - {name: a, address: "127.0.0.1:0"}
  - {name: b, address: "127.0.0.1:0", kind: gateway, distribution_point: dp1, tls: {names: [alias]}}
  - {name: c, address: "127.0.0.1:0", kind: gateway, distribution_point: dp1, tls: {names: [alias]}}
`
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca")
	names, err := authority.ParseNames([]string{"dp1", "alias"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = authority.Create(ca, names); err != nil {
		t.Fatal(err)
	}
	r := newRigIn(t, dir, named)
	b, c := r.shownBy(1), r.shownBy(2)
	r.write(`
distribution_points: [{url: "http://dp1"}]
listeners:
  - {name: b, address: "127.0.0.1:1", kind: gateway, distribution_point: dp1, tls: {names: [alias]}}
  - {name: a, address: "127.0.0.1:0"}
`)
	rotate := func() {
		t.Helper()
		_, err := authority.Rotate(ca, names)
		r.must(err)
		_, err = authority.Activate(ca)
		r.must(err)
	}
	moved := []string{"listeners (127.0.0.1:0 is there no more)", "listeners[0].address"}
	kept := []string{"listeners (127.0.0.1:0 goes on with the certificate authority before)", moved[0],
		"listeners[0] (127.0.0.1:0 goes on with the certificate authority before)", moved[1]}
	for i, want := range [][]string{moved, kept, kept} {
		if i == 1 {
			rotate()
		}
		done, err := r.Reload()
		r.must(err)
		if !slices.Equal(done.NeedRestart, want) {
			t.Errorf("reload %d: a restart is needed for %q\nwant %q", i, done.NeedRestart, want)
		}
	}
	if !slices.Equal(r.shownBy(1), b) || !slices.Equal(r.shownBy(2), c) {
		t.Error("a listener that is left alone shows something else")
	}
}

// shownBy is the certificate that clients of a listener are shown.
func (r *rig) shownBy(i int) []byte {
	r.Helper()
	cert, err := r.doors.clients[i].front.Settings().Certificate(&tls.ClientHelloInfo{ServerName: "alias"})
	r.must(err)
	return cert.Certificate[0]
}

// certificateIn writes a certificate for "alias" and its key.
func certificateIn(t *testing.T, dir string) {
	t.Helper()
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("alias")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	err = errors.Join(err,
		os.WriteFile(filepath.Join(dir, "b.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600),
		os.WriteFile(filepath.Join(dir, "b.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}
