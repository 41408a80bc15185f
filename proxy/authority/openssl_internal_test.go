package authority

import (
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// opensslVerify asks OpenSSL, at its strictest, whether a server may use a certificate for a name.
func opensslVerify(t *testing.T, ca, leaf *x509.Certificate, name string, middle ...*x509.Certificate) (out string, ok bool) {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("BRANCHPOINT_REQUIRE") != "" {
			t.Fatal("this machine should have everything: openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	save := func(file string, certs ...*x509.Certificate) string {
		var text []byte
		for _, c := range certs {
			text = append(text, encodeCertificate(c)...)
		}
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	how := "-verify_hostname"
	if net.ParseIP(name) != nil {
		how = "-verify_ip"
	}
	args := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-purpose", "sslserver", how, name, "-CAfile", save("ca.pem", ca)}
	if len(middle) > 0 {
		args = append(args, "-untrusted", save("middle.pem", middle...))
	}
	text, err := exec.Command(program, append(args, save("leaf.pem", leaf))...).CombinedOutput()
	return strings.TrimSpace(string(text)), err == nil
}

// TestOpenSSL has OpenSSL accept what the authority is for.
func TestOpenSSL(t *testing.T) {
	p := pairFor(t, "dp1.example.com", "*.cloud.example", "dp2", "10.1.0.5", "2001:db8::5")
	a, err := p.authority()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dp1.example.com", "x.dp1.example.com", "a.b.cloud.example", "cloud.example", "dp2", "10.1.0.5", "2001:db8::5"} {
		cert, err := a.Certificate(name)
		if err != nil {
			t.Fatal(err)
		}
		if out, ok := opensslVerify(t, p.cert, cert.Leaf, name); !ok {
			t.Errorf("%s: %s", name, out)
		}
		if out, ok := opensslVerify(t, p.cert, cert.Leaf, "dp3.example.com"); ok {
			t.Errorf("the certificate for %s is accepted for dp3.example.com: %s", name, out)
		}
	}
}
