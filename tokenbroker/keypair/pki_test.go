package keypair_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/tokenbroker/secretfile"
)

// pki is a root, an authority below it and a client, made once for all tests.
type pki struct {
	root, middle, leaf *x509.Certificate
	key                *rsa.PrivateKey
	other              *rsa.PrivateKey
}

var company = sync.OnceValue(func() pki {
	rootKey, middleKey, key, other := newRSA(), newRSA(), newRSA(), newRSA()
	root := issue("Root", nil, rootKey, rootKey)
	middle := issue("Issuing", root, middleKey, rootKey)
	return pki{root, middle, issue("client.example.org", middle, key, middleKey), key, other}
})

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func issue(name string, by *x509.Certificate, key, signer *rsa.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: !strings.Contains(name, "."),
	}
	if by == nil {
		by = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func file(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "private")
	path := filepath.Join(dir, "file")
	if err := errors.Join(secretfile.MakeDirectory(dir), secretfile.Write(path, "", []byte(text))); err != nil {
		t.Fatal(err)
	}
	return path
}
