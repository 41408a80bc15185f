package authority

import (
	"crypto/rand"
	"crypto/x509"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// forge has an authority sign for a name whatever it covers.
func forge(t testing.TB, p *pair, name string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(strings.Trim(name, "[]")); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{strings.TrimSuffix(name, ".")}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.cert, p.key.public, p.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// verify is what a client does that trusts the authority.
func verify(ca, leaf *x509.Certificate, name string) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

func pairFor(t testing.TB, list ...string) *pair {
	t.Helper()
	names, err := ParseNames(list)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := makePair(names)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plain recognizes the names that mean the same to everybody: what is not a host's, Covers refuses, whatever a verifier says.
func plain(name string) bool {
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ip.Zone() == "" && (name[0] != '[' || ip.Is6() && name[len(name)-1] == ']')
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	return len(name) <= 253 && !slices.ContainsFunc(labels, func(label string) bool {
		return len(label) > 63 || label == "" || label[0] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != ""
	}) && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// FuzzNames compares what an authority says that it covers with what Go's verifier accepts of it.
func FuzzNames(f *testing.F) {
	f.Add("dp1.example.com,*.cloud.example,10.1.0.5", "dp1.example.com")
	f.Add("dp1.example.com,*.cloud.example,10.1.0.5", "X.Cloud.Example.")
	f.Add("dp1.example.com", "xdp1.example.com")
	f.Add("dp1.example.com", "example.com")
	f.Add("10.1.0.5", "dp1.example.com")
	f.Add("10.1.0.5", "10.1.0.6")
	f.Add("10.1.0.5", "2001:db8::5")
	f.Add("2001:db8::5,a-a.com,a.com", "[2001:db8::5]")
	f.Add("a-a.com,b.a.com,a.com.example", "c.a-a.com")
	f.Add("dp1", "::ffff:10.1.0.5")
	f.Add("dp1", "-.dp1")
	f.Add("dp_1", "_.dp_1")
	f.Fuzz(func(t *testing.T, list, name string) {
		names, err := ParseNames(strings.Split(list, ","))
		if err != nil || names.empty() {
			return
		}
		p, _, err := makePair(names)
		if err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		a, err := p.authority()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.names.Strings(), names.Strings()) {
			t.Fatalf("%q: the certificate says %q, want %q", list, a.names.Strings(), names.Strings())
		}
		cert, err := a.Certificate(name)
		if covered := a.Covers(name); covered != (err == nil) {
			t.Fatalf("%q: Covers(%q) = %v, and Certificate: %v", list, name, covered, err)
		}
		if err == nil {
			if err := verify(p.cert, cert.Leaf, name); err != nil {
				t.Fatalf("%q: the certificate for %q: %v", list, name, err)
			}
		} else if plain(name) && verify(p.cert, forge(t, p, name), name) == nil {
			t.Fatalf("%q: %q is not covered, and accepted", list, name)
		}
	})
}

// TestRandomNames does the same with names that are much alike.
func TestRandomNames(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	name := func() string {
		text := pick("dp", "a-dp", "adp", "a", "10.1.0.5", "10.1.0.6", "2001:db8::5")
		for range random.IntN(4) {
			if net.ParseIP(text) == nil {
				text = pick("a", "A", "a-a", "dp", "b") + "." + text
			}
		}
		return text
	}
	covered := 0
	for range 300 {
		list := make([]string, 1+random.IntN(4))
		for i := range list {
			list[i] = name()
		}
		p := pairFor(t, list...)
		for range 10 {
			host, names := name(), namesOf(p.cert)
			err := verify(p.cert, forge(t, p, host), host)
			if names.Covers(host) != (err == nil) {
				t.Fatalf("%q: Covers(%q) = %v, and Go's verifier: %v", list, host, names.Covers(host), err)
			}
			if err == nil {
				covered++
			}
		}
	}
	if covered < 300 || covered > 2700 {
		t.Errorf("%d of 3000 names were covered: that tests nothing", covered)
	}
}

// TestForged has the authority sign for more than its names, and clients that trust it refuse.
func TestForged(t *testing.T) {
	for _, test := range []struct{ name, names, host string }{
		{"another host", "dp1.example.com,10.1.0.5", "dp2.example.com"},
		{"the domain of the host", "dp1.example.com", "example.com"},
		{"a host that ends alike", "dp1.example.com", "xdp1.example.com"},
		{"a host, with addresses only", "10.1.0.5", "www.example.com"},
		{"another address", "dp1.example.com,10.1.0.5", "10.1.0.6"},
		{"an address of the other family", "10.1.0.5", "2001:db8::5"},
		{"the other way round", "2001:db8::5", "10.1.0.5"},
		{"IPv4, with hosts only", "dp1.example.com", "10.1.0.5"},
		{"IPv6, with hosts only", "dp1.example.com", "2001:db8::5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pairFor(t, strings.Split(test.names, ",")...)
			leaf := forge(t, p, test.host)
			if err := verify(p.cert, leaf, test.host); err == nil {
				t.Error("Go accepts it")
			}
			if out, ok := opensslVerify(t, p.cert, leaf, test.host); ok || !strings.Contains(out, "permitted subtree violation") && !strings.Contains(out, "excluded subtree violation") {
				t.Errorf("OpenSSL accepts it, or refuses for another reason: %s", out)
			}
		})
	}
}

// TestForgedAuthority has the authority make another one, which nothing may stand in for.
func TestForgedAuthority(t *testing.T) {
	p := pairFor(t, "dp1.example.com")
	below, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		Subject: subjectOf([]byte("below")), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.cert, &below.PublicKey, p.key)
	if err != nil {
		t.Fatal(err)
	}
	middle, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	leaf := forge(t, &pair{middle, newSigner(below)}, "dp1.example.com")
	roots, middles := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(p.cert)
	middles.AddCert(middle)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middles, DNSName: "dp1.example.com"}); err == nil {
		t.Error("Go accepts an authority below ours")
	}
	if out, ok := opensslVerify(t, p.cert, leaf, "dp1.example.com", middle); ok || !strings.Contains(out, "path length constraint exceeded") {
		t.Errorf("OpenSSL accepts it, or refuses for another reason: %s", out)
	}
}

// TestOtherPurpose has the authority sign for something else than a server.
func TestOtherPurpose(t *testing.T) {
	p := pairFor(t, "dp1.example.com")
	template := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"dp1.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.cert, p.key.public, p.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.cert)
	for _, usage := range template.ExtKeyUsage {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err == nil {
			t.Errorf("Go accepts it for the usage %d", usage)
		}
	}
}
