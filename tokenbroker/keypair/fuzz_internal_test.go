package keypair

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// seeds are a key and a certificate in PEM, and a PFX file of both.
func seeds(f *testing.F) (text, pfx []byte) {
	f.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		f.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	text = append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if pfx, err = pkcs12.Modern2023.Encode(key, cert, nil, "x"); err != nil {
		f.Fatal(err)
	}
	return text, pfx
}

// FuzzPEM reads anything: what is read is whole and belongs together.
func FuzzPEM(f *testing.F) {
	text, _ := seeds(f)
	f.Add(text)
	f.Add([]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseKey(text)
		if (key == nil) != (err != nil) {
			t.Fatalf("parseKey = %T, %v", key, err)
		}
		certs, err := parseCertificates(text)
		if (len(certs) == 0) != (err != nil) {
			t.Fatalf("parseCertificates = %d, %v", len(certs), err)
		}
		if pair, err := newPair(key, certs); err == nil && !pair.Key.public.Equal(pair.Chain[0].PublicKey) {
			t.Fatal("a pair does not belong together")
		}
	})
}

// FuzzPFX reads anything as a PFX file.
func FuzzPFX(f *testing.F) {
	_, pfx := seeds(f)
	f.Add(pfx)
	f.Add([]byte("0\x80"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if pair, err := parsePFX(data, "x"); err == nil && !pair.Key.public.Equal(pair.Chain[0].PublicKey) {
			t.Fatal("a pair does not belong together")
		}
	})
}
