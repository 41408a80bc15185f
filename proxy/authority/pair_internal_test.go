package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/tokenbroker/secretfile"
)

// TestForeignFiles has files in the directory that Branchpoint did not make.
func TestForeignFiles(t *testing.T) {
	names, err := ParseNames([]string{"dp1.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	_, one, err := makePair(names)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := makePair(names)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(one, []byte("-----BEGIN CERTIFICATE"))
	key, cert := one[:at], one[at:]
	for _, test := range []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", []byte("\n"), "does not begin with a private key"},
		{"something else", []byte("hello"), "does not begin with a private key"},
		{"a certificate alone", cert, "does not begin with a private key"},
		{"a key alone", key, "not one certificate"},
		{"two certificates", append(bytes.Clone(one), cert...), "not one certificate"},
		{"half of the file", one[:len(one)-40], "not one certificate"},
		{"the certificate of another", append(bytes.Clone(key), other[bytes.Index(other, []byte("-----BEGIN CERTIFICATE")):]...), "do not belong together"},
		{"a broken key", append(pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: []byte("secret")}), cert...), "private key cannot be read"},
		{"a broken certificate", append(bytes.Clone(key), pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: []byte("x")})...), "certificate cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := secretfile.Create(filepath.Join(dir, currentKey), keyPurpose, test.text); err != nil {
				t.Fatal(err)
			}
			_, err := Load(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Load = %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v holds the key", err)
			}
		})
	}
}

// TestCheck has certificates that could speak for more than they should.
func TestCheck(t *testing.T) {
	everywhere := families()
	for _, test := range []struct {
		name   string
		change func(*x509.Certificate)
		want   string
	}{
		{"as ours", func(*x509.Certificate) {}, ""},
		{"no authority", func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero, c.KeyUsage = false, false, 0 }, "end certificates only"},
		{"authorities below it", func(c *x509.Certificate) { c.MaxPathLenZero = false }, "end certificates only"},
		{"every usage", func(c *x509.Certificate) { c.ExtKeyUsage = nil }, "servers only"},
		{"clients too", func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) }, "servers only"},
		{"not critical", func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = false }, "some DNS names"},
		{"every name", func(c *x509.Certificate) { c.PermittedDNSDomains = nil }, "some DNS names"},
		{"every name, said so", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{""} }, "some DNS names"},
		{"every IPv6 address", func(c *x509.Certificate) { c.ExcludedIPRanges = everywhere[:1] }, "some IP addresses"},
		{"every IPv4 address", func(c *x509.Certificate) { c.ExcludedIPRanges = everywhere[1:] }, "some IP addresses"},
		{"a network", func(c *x509.Certificate) {
			c.ExcludedIPRanges = everywhere[1:]
			c.PermittedIPRanges = []*net.IPNet{{IP: net.IP{10, 1, 0, 0}, Mask: net.CIDRMask(16, 32)}}
		}, "some IP addresses"},
	} {
		t.Run(test.name, func(t *testing.T) {
			key, err := newKey()
			if err != nil {
				t.Fatal(err)
			}
			template := likeOurs()
			test.change(template)
			got := check(selfSigned(t, template, &key.PublicKey, key))
			if test.want == "" && got != nil || test.want != "" && (got == nil || !strings.Contains(got.Error(), test.want)) {
				t.Errorf("check = %v, want %q", got, test.want)
			}
		})
	}
}

func TestCheckKey(t *testing.T) {
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(selfSigned(t, likeOurs(), &old.PublicKey, old)); err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("one with RSA: %v", err)
	}
	long, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(selfSigned(t, likeOurs(), &long.PublicKey, long)); err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("one with P-384: %v", err)
	}
	below := pairFor(t, "dp1.example.com")
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, likeOurs(), below.cert, &key.PublicKey, below.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(cert); err == nil || !strings.Contains(err.Error(), "signed by itself") {
		t.Errorf("one that somebody else signed: %v", err)
	}
}

// likeOurs is what newCertificate signs, written out.
func likeOurs() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"dp1.example.com"}, ExcludedIPRanges: families(),
	}
}

func selfSigned(t *testing.T, template *x509.Certificate, public, key any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestCertificate checks what is asked of an authority.
func TestCertificate(t *testing.T) {
	for _, test := range []struct {
		name, names                  string
		domains, permitted, excluded int
	}{
		{"hosts", "dp1.example.com,dp2.example.com", 2, 0, 2},
		{"IPv4", "10.1.0.5", 1, 1, 1},
		{"IPv6", "2001:db8::5", 1, 1, 1},
		{"all", "dp1.example.com,10.1.0.5,10.1.0.6,2001:db8::5", 1, 3, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			cert := pairFor(t, strings.Split(test.names, ",")...).cert
			if err := check(cert); err != nil {
				t.Error(err)
			}
			if len(cert.PermittedDNSDomains) != test.domains || len(cert.PermittedIPRanges) != test.permitted || len(cert.ExcludedIPRanges) != test.excluded {
				t.Errorf("permitted are %q and %v, excluded %v", cert.PermittedDNSDomains, cert.PermittedIPRanges, cert.ExcludedIPRanges)
			}
			if cert.SerialNumber.BitLen() != 127 || len(cert.SubjectKeyId) != 20 || !strings.HasPrefix(cert.Subject.CommonName, "Branchpoint CA ") {
				t.Errorf("serial %x, key id %x, subject %s", cert.SerialNumber, cert.SubjectKeyId, cert.Subject)
			}
			if age := time.Since(cert.NotBefore); age < skew || age > skew+time.Minute {
				t.Errorf("it is good from %v", cert.NotBefore)
			}
		})
	}
}

// FuzzPair feeds the reader of key files, which accepts only what it can use.
func FuzzPair(f *testing.F) {
	names, err := ParseNames([]string{"dp1.example.com"})
	if err != nil {
		f.Fatal(err)
	}
	_, text, err := makePair(names)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(append([]byte("a comment\n"), text...))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePair(text)
		if err != nil {
			return
		}
		if err := check(p.cert); err != nil {
			t.Fatalf("a pair is accepted, although %v", err)
		}
		leaf := forge(t, p, "dp1.example.com")
		if err := leaf.CheckSignatureFrom(p.cert); err != nil {
			t.Fatalf("a pair is accepted that does not fit: %v", err)
		}
	})
}
