package ccm

import (
	"bytes"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
)

// The forms that CM is known to use for secret policies, by their object identifiers (RFC 5652, RFC 3370, RFC 3565).
const (
	oidEnvelopedData = "1.2.840.113549.1.7.3"
	oidRSA           = "1.2.840.113549.1.1.1"
	oidOAEP          = "1.2.840.113549.1.1.7"
	oid3DES          = "1.2.840.113549.3.7"
	oidAES128        = "2.16.840.1.101.3.4.1.2"
	oidAES192        = "2.16.840.1.101.3.4.1.22"
	oidAES256        = "2.16.840.1.101.3.4.1.42"
	oidSHA1          = "1.3.14.3.2.26"
	oidSHA256        = "2.16.840.1.101.3.4.2.1"
)

// maxRecipients bounds those that are looked at.
const maxRecipients = 32

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content envelopedData `asn1:"explicit,tag:0"`
}

type envelopedData struct {
	Version    int
	Originator asn1.RawValue   `asn1:"optional,tag:0"`
	Recipients []asn1.RawValue `asn1:"set"`
	Content    encryptedContent
	Attributes asn1.RawValue `asn1:"optional,tag:1"`
}

type encryptedContent struct {
	Type      asn1.ObjectIdentifier
	Algorithm pkix.AlgorithmIdentifier
	Data      asn1.RawValue `asn1:"optional,tag:0"`
}

type keyTransRecipient struct {
	Version   int
	Who       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

// open decrypts what is encrypted to the identity: a CMS EnvelopedData in DER. Why one does not open is not said, so that
// nobody who sends them learns something from it.
func (i *Identity) open(der []byte) ([]byte, error) {
	if i == nil || i.decrypter() == nil {
		return nil, errNoKeyForIt
	}
	var info contentInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(bytes.Trim(rest, "\x00")) != 0 || info.Type.String() != oidEnvelopedData {
		return nil, errNotEnveloped
	}
	recipients := info.Content.Recipients
	for _, raw := range recipients[:min(len(recipients), maxRecipients)] {
		var r keyTransRecipient
		if _, err := asn1.Unmarshal(raw.FullBytes, &r); err == nil && i.isRecipient(r.Who) {
			return i.openFor(r, info.Content.Content)
		}
	}
	return nil, errNotEnveloped
}

// isRecipient tells whether a recipient is named by the certificate of i: by its issuer and number, or by its key id.
func (i *Identity) isRecipient(who asn1.RawValue) bool {
	if who.Class == asn1.ClassContextSpecific && who.Tag == 0 {
		return len(who.Bytes) > 0 && bytes.Equal(who.Bytes, i.encryption.SubjectKeyId)
	}
	var named issuerAndSerial
	_, err := asn1.Unmarshal(who.FullBytes, &named)
	return err == nil && bytes.Equal(named.Issuer.FullBytes, i.encryption.RawIssuer) &&
		named.Serial.Cmp(i.encryption.SerialNumber) == 0
}

func (i *Identity) openFor(r keyTransRecipient, content encryptedContent) ([]byte, error) {
	newCipher, size := blockCipher(content.Algorithm.Algorithm.String())
	transport := keyTransport(r.Algorithm, size)
	if newCipher == nil || transport == nil {
		return nil, errNotEnveloped
	}
	key, err := i.decrypter().Decrypt(rand.Reader, r.Key, transport)
	if err != nil || len(key) != size {
		return nil, errNotEnveloped
	}
	block, err := newCipher(key)
	if err != nil {
		return nil, errNotEnveloped
	}
	return decryptCBC(block, content)
}
