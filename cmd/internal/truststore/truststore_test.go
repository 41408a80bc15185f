package truststore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"branchpoint/cmd/internal/truststore"
)

func open(t *testing.T, place string) *truststore.Store {
	t.Helper()
	store, err := truststore.Open(place)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// certificate makes an authority that may speak for nothing, so that it does no harm should it stay anywhere.
func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Branchpoint test " + rand.Text()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"invalid"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func installed(t *testing.T, store *truststore.Store, cert *x509.Certificate, want bool) {
	t.Helper()
	if got, err := store.Installed(cert); err != nil || got != want {
		t.Errorf("Installed = %v, %v, want %v", got, err, want)
	}
}

func removes(t *testing.T, store *truststore.Store, cert *x509.Certificate, want bool) {
	t.Helper()
	if got, err := store.Remove(t.Context(), cert); err != nil || got != want {
		t.Errorf("Remove = %v, %v, want %v", got, err, want)
	}
}
