package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// siteKeys are the keys by which a site names itself in its documents. They are made when they are needed.
type siteKeys struct {
	mu   sync.Mutex
	key  *rsa.PrivateKey
	cert []byte
}

// certificate is the site's signing certificate in DER, by the site's CA.
func (k *siteKeys) certificate(ca *CA) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.make(ca); err != nil {
		return nil, err
	}
	return k.cert, nil
}

// trustedRoot is the public key as CryptoAPI has it.
func (k *siteKeys) trustedRoot(ca *CA) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.make(ca); err != nil {
		return nil, err
	}
	return publicKeyBlob(&k.key.PublicKey), nil
}

// make needs mu.
func (k *siteKeys) make(ca *CA) error {
	if k.key != nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make the site's key: %w", err)
	}
	template := certificate("Site Server Signing Certificate")
	if k.cert, err = x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key); err != nil {
		return fmt.Errorf("sign the site's certificate: %w", err)
	}
	k.key = key
	return nil
}

// publicKeyBlob is a PUBLICKEYBLOB of Win32 for CALG_RSA_KEYX: a header, "RSA1", the length in bits, the exponent, and the
// modulus with its lowest byte first.
func publicKeyBlob(key *rsa.PublicKey) []byte {
	blob := []byte("\x06\x02\x00\x00\x00\xa4\x00\x00RSA1")
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.Size()*8))
	blob = binary.LittleEndian.AppendUint32(blob, uint32(key.E))
	modulus := key.N.FillBytes(make([]byte, key.Size()))
	slices.Reverse(modulus)
	return append(blob, modulus...)
}
