package ccm

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// commonName is the subject of the certificates that CM clients make for themselves.
const commonName = "ConfigMgr Client"

// NewCertificate makes the certificate that a client without a public key infrastructure registers with, in DER: signed by
// key itself, for signing and encryption, with the extended key usages of such certificates. Sites take one of any
// validity, as far as public tools show.
func NewCertificate(key crypto.Signer, from, until time.Time) ([]byte, error) {
	if !from.Before(until) {
		return nil, errors.New("client certificate: it would end before it begins")
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	microsoft := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 101}
	template := &x509.Certificate{
		SerialNumber:       serial.Add(serial, big.NewInt(1)),
		Subject:            pkix.Name{CommonName: commonName},
		NotBefore:          from,
		NotAfter:           until,
		SignatureAlgorithm: x509.SHA256WithRSA,
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageDataEncipherment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{append(microsoft[:len(microsoft):len(microsoft)], 2), microsoft},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return der, nil
}
