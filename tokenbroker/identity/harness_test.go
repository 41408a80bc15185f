package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"branchpoint/tokenbroker/identity"
	"branchpoint/tokenbroker/secretfile"
)

// start is in the life of all certificates here.
var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func at(moment time.Time) func() time.Time { return func() time.Time { return moment } }

// own is a configuration for a key that the machine makes.
func own(t *testing.T) identity.Config {
	t.Helper()
	return identity.Config{Directory: filepath.Join(t.TempDir(), "branchpoint", "identity"), SiteCode: "PS1", Now: at(start)}
}

// created is an identity in a directory of its own.
func created(t *testing.T) (*identity.Identity, identity.Config) {
	t.Helper()
	config := own(t)
	i, err := identity.Create(config)
	if err != nil {
		t.Fatal(err)
	}
	return i, config
}

// keys are made once for all tests: the key of an authority, and two of clients.
var keys = sync.OnceValue(func() (list [3]*rsa.PrivateKey) {
	for i := range list {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		list[i] = key
	}
	return list
})

// client describes a certificate of a public key infrastructure.
type client struct {
	subject, issuer string
	usage           []x509.ExtKeyUsage
	unknown         []asn1.ObjectIdentifier
	from, until     time.Time
	key             any // a public key; nil: the first client's
}

// issued makes the certificate, and that of its authority.
func issued(t *testing.T, c client) (leaf, authority *x509.Certificate) {
	t.Helper()
	if c.key == nil {
		c.key = &keys()[1].PublicKey
	}
	if c.from.IsZero() {
		c.from, c.until = start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.issuer}, NotBefore: start.AddDate(-9, 0, 0), NotAfter: start.AddDate(9, 0, 0),
		BasicConstraintsValid: true, IsCA: true,
	}
	authority = sign(t, root, root, &keys()[0].PublicKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: c.subject}, NotBefore: c.from, NotAfter: c.until,
		ExtKeyUsage: c.usage, UnknownExtKeyUsage: c.unknown,
	}
	return sign(t, template, authority, c.key), authority
}

func sign(t *testing.T, template, by *x509.Certificate, public any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, by, public, keys()[0])
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func clientAuth() []x509.ExtKeyUsage { return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// put writes a file that nobody else may read.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := errors.Join(secretfile.MakeDirectory(filepath.Dir(path)), secretfile.Write(path, "", text)); err != nil {
		t.Fatal(err)
	}
}

// withPEM is a configuration with a certificate in PEM files.
func withPEM(t *testing.T, leaf *x509.Certificate, key *rsa.PrivateKey) identity.Config {
	t.Helper()
	config := own(t)
	config.CertificateFile = filepath.Join(t.TempDir(), "private", "client.pem")
	config.KeyFile = filepath.Join(t.TempDir(), "private", "client.key")
	replacePEM(t, config, leaf, key)
	return config
}

func replacePEM(t *testing.T, config identity.Config, leaf *x509.Certificate, key *rsa.PrivateKey) {
	t.Helper()
	put(t, config.CertificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	put(t, config.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// withPFX is a configuration with a certificate and its authority in a PFX file.
func withPFX(t *testing.T, leaf, authority *x509.Certificate, key *rsa.PrivateKey) identity.Config {
	t.Helper()
	config := own(t)
	config.PFXFile = filepath.Join(t.TempDir(), "private", "client.pfx")
	config.PasswordFile = filepath.Join(t.TempDir(), "private", "password")
	data, err := pkcs12.Modern2023.Encode(key, leaf, []*x509.Certificate{authority}, "Passw0rd")
	if err != nil {
		t.Fatal(err)
	}
	put(t, config.PFXFile, data)
	put(t, config.PasswordFile, []byte("Passw0rd\n"))
	return config
}
