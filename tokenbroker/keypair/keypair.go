// Package keypair reads a certificate with its private key from the files that administrators have: PEM and PFX.
//
// The key stays in a type that cannot be printed.
package keypair

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// ErrNotRSA says that the key is of another kind. Configuration Manager and Microsoft Entra take RSA keys only.
var ErrNotRSA = errors.New("its key is not an RSA key")

// errApart says that no certificate is one for the key.
var errApart = errors.New("none of its certificates is one for its key")

// Pair is a certificate with its key.
type Pair struct {
	// Key signs and decrypts.
	Key *Key
	// Chain is the certificate of Key, and those above it as far as they are known, without the root.
	Chain []*x509.Certificate
}

// newPair puts a key and the certificates around it together.
func newPair(private crypto.PrivateKey, certs []*x509.Certificate) (*Pair, error) {
	secret, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, ErrNotRSA
	}
	for i, c := range certs {
		if public, ok := c.PublicKey.(*rsa.PublicKey); ok && secret.PublicKey.Equal(public) {
			others := append(append([]*x509.Certificate(nil), certs[:i]...), certs[i+1:]...)
			return &Pair{NewKey(secret), Chain(c, others)}, nil
		}
	}
	return nil, errApart
}

// maxChain bounds a chain. Real ones have two or three certificates.
const maxChain = 8

// Chain is the certificate, and those of a list that lead from it to a root. The root itself is left out: who verifies has
// it.
func Chain(leaf *x509.Certificate, list []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for at := leaf; len(chain) < maxChain; {
		above := issuer(at, list)
		if above == nil || bytes.Equal(above.RawSubject, above.RawIssuer) {
			break
		}
		chain = append(chain, above)
		at = above
	}
	return chain
}

// issuer finds who signed a certificate. A certificate that signed itself has nobody above it.
func issuer(of *x509.Certificate, list []*x509.Certificate) *x509.Certificate {
	if bytes.Equal(of.RawSubject, of.RawIssuer) {
		return nil
	}
	for _, c := range list {
		if bytes.Equal(c.RawSubject, of.RawIssuer) && of.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// reading wraps what is wrong with a file.
func reading(path string, err error) error { return fmt.Errorf("reading %s: %w", path, err) }
