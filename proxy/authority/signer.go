package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
)

// signer signs, and does nothing else with its private key. The key is inside a function, where neither what prints nor
// what encodes values can see it.
type signer struct {
	public *ecdsa.PublicKey
	sign   func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

var _ crypto.Signer = (*signer)(nil)

// newKey makes a P-256 key: every client that speaks TLS 1.2 knows it.
func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

func newSigner(key *ecdsa.PrivateKey) *signer {
	public := key.PublicKey
	return &signer{public: &public, sign: key.Sign}
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer.
func (s *signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.sign(random, digest, opts)
}

// Format says that there is a key, for every verb.
func (*signer) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "a private key") }

// MarshalText says that there is a key.
func (*signer) MarshalText() ([]byte, error) { return []byte("a private key"), nil }
