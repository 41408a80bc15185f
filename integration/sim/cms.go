package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // what CryptoAPI takes by default
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the default hash of OAEP (RFC 8017)
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// Enveloping says how something is encrypted to a client, in the forms that secret policies are known to have (sccmwtf,
// SCCMSecrets). Zero is AES-256-CBC with a key that is transported by RSA PKCS #1 v1.5.
type Enveloping struct {
	// TripleDES takes DES-EDE3-CBC instead of AES-256-CBC.
	TripleDES bool
	// OAEP takes RSAES-OAEP with SHA-1 instead of PKCS #1 v1.5.
	OAEP bool
}

// A CMS EnvelopedData with one recipient (RFC 5652 section 6).
type (
	cmsContentInfo struct {
		Type    asn1.ObjectIdentifier
		Content cmsEnvelopedData `asn1:"explicit,tag:0"`
	}
	cmsEnvelopedData struct {
		Version    int
		Recipients []cmsRecipient `asn1:"set"`
		Content    cmsEncrypted
	}
	cmsRecipient struct {
		Version   int
		Who       cmsIssuerAndSerial
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	cmsIssuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	cmsEncrypted struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte `asn1:"tag:0"`
	}
)

// seal encrypts a text to the RSA key of a certificate, and returns the DER.
func (e Enveloping) seal(text []byte, to *x509.Certificate) ([]byte, error) {
	public, ok := to.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("seal a CMS: the key of the certificate is a %T", to.PublicKey)
	}
	content, key, err := e.encrypt(text)
	if err != nil {
		return nil, fmt.Errorf("seal a CMS: %w", err)
	}
	recipient := cmsRecipient{Who: cmsIssuerAndSerial{asn1.RawValue{FullBytes: to.RawIssuer}, to.SerialNumber}}
	if e.OAEP {
		recipient.Algorithm = algorithm([]int{1, 2, 840, 113549, 1, 1, 7}, []byte{0x30, 0x00}) // all parameters are defaults
		recipient.Key, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil)
	} else {
		recipient.Algorithm = algorithm([]int{1, 2, 840, 113549, 1, 1, 1}, asn1.NullBytes)
		//lint:ignore SA1019 it is what clients have to open
		recipient.Key, err = rsa.EncryptPKCS1v15(rand.Reader, public, key)
	}
	if err != nil {
		return nil, fmt.Errorf("seal a CMS: %w", err)
	}
	return asn1.Marshal(cmsContentInfo{
		Type:    []int{1, 2, 840, 113549, 1, 7, 3},
		Content: cmsEnvelopedData{Recipients: []cmsRecipient{recipient}, Content: content},
	})
}

// encrypt makes a key, and encrypts a text with it.
func (e Enveloping) encrypt(text []byte) (content cmsEncrypted, key []byte, err error) {
	oid, size, newCipher := []int{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher
	if e.TripleDES {
		oid, size, newCipher = []int{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher
	}
	key = make([]byte, size)
	_, _ = rand.Read(key) // never fails
	block, err := newCipher(key)
	if err != nil {
		return content, nil, err
	}
	iv := make([]byte, block.BlockSize())
	_, _ = rand.Read(iv)
	parameter, err := asn1.Marshal(iv)
	if err != nil {
		return content, nil, err
	}
	pad := block.BlockSize() - len(text)%block.BlockSize()
	data := append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return cmsEncrypted{Type: []int{1, 2, 840, 113549, 1, 7, 1}, Algorithm: algorithm(oid, parameter), Data: data}, key, nil
}

func algorithm(oid asn1.ObjectIdentifier, parameters []byte) pkix.AlgorithmIdentifier {
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: parameters}}
}
