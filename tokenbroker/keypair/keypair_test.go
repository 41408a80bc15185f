package keypair_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"branchpoint/tokenbroker/keypair"
)

func TestPEM(t *testing.T) {
	c := company()
	cert := func(list ...*x509.Certificate) (text string) {
		for _, one := range list {
			text += block("CERTIFICATE", one.Raw)
		}
		return text
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	legacy := pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: []byte("x"), Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"},
	}
	for _, test := range []struct {
		name, certs, key string
		chain            []*x509.Certificate
		want             string // in the error
	}{
		{"alone", cert(c.leaf), pkcs8(t, c.key), []*x509.Certificate{c.leaf}, ""},
		{"PKCS #1", cert(c.leaf), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(c.key)), []*x509.Certificate{c.leaf}, ""},
		{"with those above it", cert(c.leaf, c.middle, c.root), pkcs8(t, c.key), []*x509.Certificate{c.leaf, c.middle}, ""},
		{"in any order", cert(c.root, c.middle, c.leaf), pkcs8(t, c.key), []*x509.Certificate{c.leaf, c.middle}, ""},
		{"with a gap", cert(c.root, c.leaf), pkcs8(t, c.key), []*x509.Certificate{c.leaf}, ""},
		{"words and certificates around the key", cert(c.leaf), "Bag Attributes\n" + cert(c.leaf) + pkcs8(t, c.key), []*x509.Certificate{c.leaf}, ""},
		{"a key of somebody else", cert(c.leaf), pkcs8(t, c.other), nil, "none of its certificates"},
		{"encrypted", cert(c.leaf), block("ENCRYPTED PRIVATE KEY", []byte("x")), nil, "is encrypted; write it without a password"},
		{"encrypted in the old way", cert(c.leaf), string(pem.EncodeToMemory(&legacy)), nil, "is encrypted; write it without a password"},
		{"an elliptic curve", cert(c.leaf), pkcs8(t, curve), nil, "not an RSA key"},
		{"an elliptic curve of its own form", cert(c.leaf), block("EC PRIVATE KEY", []byte("x")), nil, "not an RSA key"},
		{"a broken key", cert(c.leaf), block("PRIVATE KEY", []byte("broken")), nil, "its private key cannot be read"},
		{"no key", cert(c.leaf), cert(c.leaf), nil, "no private key"},
		{"no certificate", pkcs8(t, c.key), pkcs8(t, c.key), nil, "no certificate"},
		{"a broken certificate", block("CERTIFICATE", []byte("x")), pkcs8(t, c.key), nil, "certificates cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			certFile, keyFile := file(t, test.certs), file(t, test.key)
			pair, err := keypair.PEM(certFile, keyFile)
			check(t, pair, err, test.chain, test.want)
			if err != nil && !strings.Contains(err.Error(), certFile) && !strings.Contains(err.Error(), keyFile) {
				t.Errorf("the error does not name the file: %v", err)
			}
		})
	}
}

// check compares what was read, and uses the key.
func check(t *testing.T, pair *keypair.Pair, err error, chain []*x509.Certificate, want string) {
	t.Helper()
	if want != "" {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(pair.Chain) != len(chain) {
		t.Fatalf("%d certificates, want %d", len(pair.Chain), len(chain))
	}
	for i, c := range chain {
		if !pair.Chain[i].Equal(c) {
			t.Errorf("certificate %d is %v, want %v", i, pair.Chain[i].Subject, c.Subject)
		}
	}
	sum := sha256.Sum256([]byte("text"))
	signature, err := pair.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	public := chain[0].PublicKey.(*rsa.PublicKey)
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if !public.Equal(pair.Key.Public()) || !pair.Key.Reveal().PublicKey.Equal(public) {
		t.Error("the public key is another one")
	}
	//lint:ignore SA1019 it is what sites encrypt tokens with
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pair.Key.Decrypt(rand.Reader, sealed, nil); err != nil || string(got) != "text" {
		t.Errorf("Decrypt = %q, %v", got, err)
	}
}

func TestPFX(t *testing.T) {
	c := company()
	encode := func(e *pkcs12.Encoder, key any, leaf *x509.Certificate, above []*x509.Certificate, password string) string {
		data, err := e.Encode(key, leaf, above, password)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	all := []*x509.Certificate{c.middle, c.root}
	modern := encode(pkcs12.Modern2023, c.key, c.leaf, all, "Passw0rd")
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, data, password string
		chain                []*x509.Certificate
		want                 string
	}{
		{"of today", modern, "Passw0rd\r\n", []*x509.Certificate{c.leaf, c.middle}, ""},
		{"of old Windows", encode(pkcs12.LegacyDES, c.key, c.leaf, all, "Passw0rd"), "Passw0rd", []*x509.Certificate{c.leaf, c.middle}, ""},
		{"of old programs", encode(pkcs12.LegacyRC2, c.key, c.leaf, nil, "Passw0rd"), "Passw0rd", []*x509.Certificate{c.leaf}, ""},
		{"without a password", encode(pkcs12.Modern2023, c.key, c.leaf, nil, ""), "", []*x509.Certificate{c.leaf}, ""},
		{"the certificate is not the first", encode(pkcs12.Modern2023, c.key, c.root, []*x509.Certificate{c.leaf, c.middle}, "x"), "x", []*x509.Certificate{c.leaf, c.middle}, ""},
		{"a wrong password", modern, "password", nil, "the password does not open it"},
		{"no password", modern, "", nil, "the password does not open it"},
		{"a key of somebody else", encode(pkcs12.Modern2023, c.other, c.leaf, nil, "x"), "x", nil, "none of its certificates"},
		{"an elliptic curve", encode(pkcs12.Modern2023, curve, c.leaf, nil, "x"), "x", nil, "not an RSA key"},
		{"cut short", modern[:len(modern)/2], "Passw0rd", nil, "not a PFX file"},
		{"something else", "hello", "Passw0rd", nil, "not a PFX file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			password := ""
			if test.password != "" {
				password = file(t, test.password)
			}
			pair, err := keypair.PFX(file(t, test.data), password)
			check(t, pair, err, test.chain, test.want)
			if err != nil && test.password != "" && strings.Contains(err.Error(), "Passw0rd") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestNoFiles(t *testing.T) {
	c, none := company(), filepath.Join(t.TempDir(), "none")
	cert := file(t, block("CERTIFICATE", c.leaf.Raw))
	for name, read := range map[string]func() (*keypair.Pair, error){
		"PEM certificate": func() (*keypair.Pair, error) { return keypair.PEM(none, none) },
		"PEM key":         func() (*keypair.Pair, error) { return keypair.PEM(cert, none) },
		"PFX":             func() (*keypair.Pair, error) { return keypair.PFX(none, "") },
		"password":        func() (*keypair.Pair, error) { return keypair.PFX(cert, none) },
	} {
		if _, err := read(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), none) {
			t.Errorf("%s: %v, want that %s does not exist", name, err, none)
		}
	}
}

// TestChainEnds follows authorities that lead round in a circle.
func TestChainEnds(t *testing.T) {
	a, b := newRSA(), newRSA()
	first := issue("A", nil, a, a)
	second := issue("B", first, b, a)
	crossed := issue("A", second, a, b)
	got := keypair.Chain(second, []*x509.Certificate{crossed, second})
	if len(got) > 8 || len(got) < 2 {
		t.Errorf("a chain of %d certificates out of a circle", len(got))
	}
}
