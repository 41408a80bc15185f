package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/keypair"
)

// material is a key with its certificate, wherever they came from.
type material struct {
	// key signs. It decrypts too unless it is one that Windows keeps.
	key crypto.Signer
	// chain is the certificate of key, and those above it.
	chain []*x509.Certificate
	kind  ccm.KeyType
	from  string // for people
}

func (m material) leaf() *x509.Certificate { return m.chain[0] }

// id tells keys apart: a renewed certificate for the same key is the same client to the site.
func (m material) id() string {
	sum := sha256.Sum256(m.leaf().RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// material reads the key from where the configuration says that it is.
func (c Config) material() (material, error) {
	switch {
	case c.PFXFile != "":
		return issuedPair("PFX file", func() (*keypair.Pair, error) { return keypair.PFX(c.PFXFile, c.PasswordFile) })
	case c.CertificateFile != "":
		return issuedPair("PEM files", func() (*keypair.Pair, error) { return keypair.PEM(c.CertificateFile, c.KeyFile) })
	case c.Store != (Query{}):
		return fromStore(c.Store, c.Now())
	}
	return readOwn(c.Directory)
}

func issuedPair(from string, read func() (*keypair.Pair, error)) (material, error) {
	pair, err := read()
	if err != nil {
		return material{}, err
	}
	if err := fit(pair.Chain[0]); err != nil {
		return material{}, err
	}
	return material{pair.Key, pair.Chain, ccm.Issued, from}, nil
}

// fit refuses a certificate that no site takes: what a client shows is an RSA certificate for client authentication (Microsoft
// Learn, "PKI certificate requirements for Configuration Manager").
func fit(c *x509.Certificate) error {
	public, ok := c.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || public.N.BitLen() < keyBits:
		return errors.New("the certificate is not one for an RSA key of at least 2048 bits")
	case !forClients(c):
		return errors.New("the certificate is not one for clients: it lacks the extended key usage client authentication")
	}
	return nil
}

// forClients tells whether a certificate may be shown by a client. One that names no usage may be used for all (RFC 5280,
// 4.2.1.12).
func forClients(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}
