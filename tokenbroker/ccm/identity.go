package ccm

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// KeyType says who made the certificate of an identity, in the numbers of the Client Messaging SDK.
type KeyType int

const (
	// SelfSigned is a certificate that the client made itself.
	SelfSigned KeyType = 1
	// Issued is a certificate of a public key infrastructure.
	Issued KeyType = 2
)

// minKeyBits is what clients use. Larger keys work alike.
const minKeyBits = 2048

var (
	errNoKey       = errors.New("an identity needs an RSA key of at least 2048 bits")
	errCertificate = errors.New("the certificate is not one for the key")
)

// IdentityConfig is what an identity is made of. It prints as "redacted".
type IdentityConfig struct {
	sealed
	// Key signs for the identity. It is an RSA key of at least 2048 bits, perhaps in hardware.
	Key crypto.Signer
	// Certificate is the certificate of Key, in DER.
	Certificate []byte
	// KeyType says who made it. 0 is SelfSigned.
	KeyType KeyType
	// EncryptionKey opens what is encrypted to the identity. Nil is Key, if that can decrypt.
	EncryptionKey crypto.Decrypter
	// EncryptionCertificate is the certificate of EncryptionKey, in DER. Empty is Certificate: clients use one for both.
	EncryptionCertificate []byte
	// SMSID is the client id that the site gave, "GUID:…". Empty: not registered yet.
	SMSID string
}

// Identity is who sends messages: a key, its certificate and the id that a site knows it by. It never changes, and prints
// as "redacted".
type Identity struct {
	sealed
	// The keys are in closures: fmt and encoders do not look into functions.
	signer    func() crypto.Signer
	decrypter func() crypto.Decrypter // gives nil where nothing can decrypt

	public     *rsa.PublicKey
	signing    *x509.Certificate
	encryption *x509.Certificate
	keyType    KeyType
	smsid      string
}

// NewIdentity returns the identity of config. It refuses a certificate that is not one for its key, and other keys than
// RSA.
func NewIdentity(config IdentityConfig) (*Identity, error) {
	if config.EncryptionKey == nil {
		config.EncryptionKey, _ = config.Key.(crypto.Decrypter)
	}
	if len(config.EncryptionCertificate) == 0 {
		config.EncryptionCertificate = config.Certificate
	}
	if config.KeyType == 0 {
		config.KeyType = SelfSigned
	}
	if config.KeyType != SelfSigned && config.KeyType != Issued {
		return nil, fmt.Errorf("identity: key type %d is neither self-signed (1) nor issued (2)", config.KeyType)
	}
	i := &Identity{
		signer:    func() crypto.Signer { return config.Key },
		decrypter: func() crypto.Decrypter { return config.EncryptionKey },
		keyType:   config.KeyType,
	}
	if err := i.readKeys(config); err != nil {
		return nil, err
	}
	if config.SMSID == "" {
		return i, nil
	}
	return i.WithSMSID(config.SMSID)
}

func (i *Identity) readKeys(config IdentityConfig) (err error) {
	if config.Key == nil {
		return fmt.Errorf("identity: %w", errNoKey)
	}
	public, ok := config.Key.Public().(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minKeyBits {
		return fmt.Errorf("identity: %w", errNoKey)
	}
	i.public = public
	if i.signing, err = certificateFor(config.Certificate, public); err != nil {
		return fmt.Errorf("identity: signing certificate: %w", err)
	}
	if config.EncryptionKey == nil {
		i.encryption, err = x509.ParseCertificate(config.EncryptionCertificate)
	} else {
		i.encryption, err = certificateFor(config.EncryptionCertificate, config.EncryptionKey.Public())
	}
	if err != nil {
		return fmt.Errorf("identity: encryption certificate: %w", err)
	}
	return nil
}

func certificateFor(der []byte, public crypto.PublicKey) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if known, ok := c.PublicKey.(*rsa.PublicKey); !ok || !known.Equal(public) {
		return nil, errCertificate
	}
	return c, nil
}

// WithSMSID is the identity with the id that a site gave it.
func (i *Identity) WithSMSID(id string) (*Identity, error) {
	id, err := parseSMSID(id)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	named := *i
	named.smsid = id
	return &named, nil
}

// unnamed is the identity without its id, as before it met a site. Nil is nobody, and stays so.
func (i *Identity) unnamed() *Identity {
	if i == nil {
		return nil
	}
	other := *i
	other.smsid = ""
	return &other
}

// SMSID is the client id, "GUID:…" in upper case. Empty: not registered. It is no secret.
func (i *Identity) SMSID() string { return i.smsid }

// Certificate is the certificate that the identity signs with, in DER.
func (i *Identity) Certificate() []byte { return bytes.Clone(i.signing.Raw) }
