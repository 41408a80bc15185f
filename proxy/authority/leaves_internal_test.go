package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func authorityFor(t testing.TB, list ...string) *Authority {
	t.Helper()
	a, err := pairFor(t, list...).authority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leafFor(t testing.TB, a *Authority, name string) *tls.Certificate {
	t.Helper()
	cert, err := a.Certificate(name)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

const day = 24 * time.Hour

func TestLeaf(t *testing.T) {
	a := authorityFor(t, "dp1.example.com", "10.1.0.5")
	cert := leafFor(t, a, "DP1.example.com.")
	leaf := cert.Leaf
	if len(cert.Certificate) != 2 || !bytes.Equal(cert.Certificate[0], leaf.Raw) || !bytes.Equal(cert.Certificate[1], a.cert.Raw) {
		t.Error("it presents something else than the leaf and the authority")
	}
	if leaf.Subject.String() != "" || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "dp1.example.com" || leaf.IPAddresses != nil {
		t.Errorf("it is for %q, %q, %q", leaf.Subject, leaf.DNSNames, leaf.IPAddresses)
	}
	if leaf.IsCA || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("it is for the usages %v and %v, CA %v", leaf.KeyUsage, leaf.ExtKeyUsage, leaf.IsCA)
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || key.Equal(a.cert.PublicKey) {
		t.Errorf("its key is %T", leaf.PublicKey)
	}
	if bits := leaf.SerialNumber.BitLen(); bits != 127 {
		t.Errorf("its serial number has %d bits", bits)
	}
	other := leafFor(t, a, "10.1.0.5").Leaf
	if len(other.IPAddresses) != 1 || other.IPAddresses[0].String() != "10.1.0.5" || other.DNSNames != nil {
		t.Errorf("the one of an address is for %q, %q", other.DNSNames, other.IPAddresses)
	}
	if other.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
		t.Error("two have one serial number")
	}
	for _, name := range []string{"dp2.example.com", "10.1.0.6", "*.dp1.example.com", "", "dp1.example.com:443"} {
		if cert, err := a.Certificate(name); !errors.Is(err, ErrNotCovered) || cert != nil {
			t.Errorf("Certificate(%q) = %v, %v, want ErrNotCovered", name, cert, err)
		}
	}
}

// TestHandshake has a client and a server meet.
func TestHandshake(t *testing.T) {
	a := authorityFor(t, "dp1.example.com")
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				return a.Certificate(hello.ServerName)
			}}
			ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			var work sync.WaitGroup
			defer work.Wait()
			work.Go(func() {
				for range 2 {
					if conn, err := ln.Accept(); err == nil {
						_ = conn.(*tls.Conn).Handshake() // what matters is what the client says
						conn.Close()
					}
				}
			})
			config := &tls.Config{RootCAs: roots, ServerName: "dp1.example.com", MinVersion: version, MaxVersion: version}
			conn, err := tls.Dial("tcp", ln.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			config.RootCAs = x509.NewCertPool()
			if conn, err := tls.Dial("tcp", ln.Addr().String(), config); err == nil {
				conn.Close()
				t.Error("a client that does not trust the authority accepts its leaf")
			}
		})
	}
}

func TestLeafTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := authorityFor(t, "dp1.example.com")
		begin := a.cert.NotBefore.Add(skew)
		first := leafFor(t, a, "dp1.example.com")
		if got := first.Leaf.NotBefore; !got.Equal(a.cert.NotBefore) {
			t.Errorf("the first is good from %v, want %v as the authority", got, a.cert.NotBefore)
		}
		if got, want := first.Leaf.NotAfter, begin.Add(leafLifetime); !got.Equal(want) {
			t.Errorf("the first is good until %v, want %v", got, want)
		}
		time.Sleep(20 * day)
		if leafFor(t, a, "dp1.example.com") != first {
			t.Error("it was made again with a third of its life left")
		}
		time.Sleep(time.Second)
		second := leafFor(t, a, "dp1.example.com")
		if second == first || !second.Leaf.NotBefore.Equal(time.Now().Add(-skew)) {
			t.Errorf("with less than a third left it is good from %v, want an hour before now", second.Leaf.NotBefore)
		}
	})
}

func TestAuthorityEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := authorityFor(t, "dp1.example.com")
		if want := a.cert.NotBefore.Add(skew).AddDate(10, 0, 0); !a.cert.NotAfter.Equal(want) {
			t.Errorf("it ends at %v, want %v", a.cert.NotAfter, want)
		}
		time.Sleep(time.Until(a.cert.NotAfter) - day)
		last := leafFor(t, a, "dp1.example.com")
		if !last.Leaf.NotAfter.Equal(a.cert.NotAfter) {
			t.Errorf("the last ends at %v, want %v with its authority", last.Leaf.NotAfter, a.cert.NotAfter)
		}
		time.Sleep(day)
		if leafFor(t, a, "dp1.example.com") != last || !a.Covers("dp1.example.com") {
			t.Error("at its last moment it makes another one")
		}
		time.Sleep(time.Second)
		if _, err := a.Certificate("dp1.example.com"); !errors.Is(err, ErrNotCovered) || a.Covers("dp1.example.com") {
			t.Errorf("after its end it says %v and covers %v", err, a.Covers("dp1.example.com"))
		}
		if missing := a.Missing([]string{"dp1.example.com"}); missing != nil {
			t.Errorf("after its end it misses %q: it was made for that", missing)
		}
	})
}

// TestClockSetBack has an authority that comes from the future.
func TestClockSetBack(t *testing.T) {
	var p *pair
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(365 * day)
		p = pairFor(t, "dp1.example.com")
	})
	synctest.Test(t, func(t *testing.T) {
		a, err := p.authority()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Certificate("dp1.example.com"); !errors.Is(err, ErrNotCovered) || a.Covers("dp1.example.com") {
			t.Errorf("before its time it says %v and covers %v", err, a.Covers("dp1.example.com"))
		}
		time.Sleep(time.Until(p.cert.NotBefore))
		early := leafFor(t, a, "dp1.example.com").Leaf
		if !early.NotBefore.Equal(p.cert.NotBefore) {
			t.Errorf("the leaf is good from %v, before its authority", early.NotBefore)
		}
		if !a.leaves.stale(early, early.NotBefore.Add(-time.Second)) {
			t.Error("a leaf that is not good yet is used")
		}
	})
}

// TestOneFlight has many ask at once: they get the same.
func TestOneFlight(t *testing.T) {
	a := authorityFor(t, "*.example.com")
	var got [8][64]*tls.Certificate
	var work sync.WaitGroup
	for i := range 64 {
		work.Go(func() {
			for name := range got {
				got[name][i], _ = a.Certificate(fmt.Sprintf("dp%d.example.com", name))
			}
		})
	}
	work.Wait()
	for name := range got {
		for i, cert := range got[name] {
			if cert == nil || cert != got[name][0] {
				t.Fatalf("dp%d: answer %d is %p, and the first %p", name, i, cert, got[name][0])
			}
		}
	}
}

func TestLeavesAreBounded(t *testing.T) {
	a := authorityFor(t, "*.example.com")
	first := leafFor(t, a, "dp0.example.com")
	for i := range maxLeaves + 10 {
		leafFor(t, a, fmt.Sprintf("dp%d.example.com", i))
	}
	if got := a.leaves.kept.Len(); got != maxLeaves {
		t.Errorf("%d are kept, want %d", got, maxLeaves)
	}
	if leafFor(t, a, "dp0.example.com") == first {
		t.Error("the oldest is kept")
	}
}
