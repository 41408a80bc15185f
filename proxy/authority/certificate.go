package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

const (
	// lifetime of an authority in years. It ends with the machine, or when the names change.
	lifetime = 10
	// skew is how far the clock of a client may be behind ours.
	skew = time.Hour
)

// newCertificate makes an authority that verifiers accept for the names only, for servers only, and with nothing between
// it and the certificate of a server.
func newCertificate(names Names) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the public key: %w", err)
	}
	id := sha256.Sum256(public)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      subjectOf(id[:]),
		SubjectKeyId: id[:20], // as long as a SHA-1, which everybody can take (RFC 7093, method 1)
		NotBefore:    now.Add(-skew), NotAfter: now.AddDate(lifetime, 0, 0),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	names.constrain(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the new certificate: %w", err)
	}
	return cert, key, check(cert)
}

// subjectOf is different for every key: verifiers look for an issuer by its subject, and a client may trust many of us.
func subjectOf(id []byte) pkix.Name {
	subject := pkix.Name{CommonName: fmt.Sprintf("Branchpoint CA %x", id[:4]), Organization: []string{"Branchpoint"}}
	if host, err := os.Hostname(); err == nil && isDomain(host) && len(host) <= 64 { // the limit of RFC 5280, A.1
		subject.OrganizationalUnit = []string{host}
	}
	return subject
}

// newSerial returns a positive number of 128 bits.
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] = b[0]&0x7f | 0x40 // neither negative nor short
	return new(big.Int).SetBytes(b[:])
}

// check refuses a certificate that could speak for more than its names. Such a one is not of our making, and must neither
// be used nor be given to anybody to trust.
func check(cert *x509.Certificate) error {
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || public.Curve != elliptic.P256():
		return errors.New("its key is not ECDSA on P-256")
	case !cert.IsCA || !cert.MaxPathLenZero:
		return errors.New("it is not an authority for end certificates only")
	case len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || len(cert.UnknownExtKeyUsage) > 0:
		return errors.New("it is not for servers only")
	case !cert.PermittedDNSDomainsCritical || len(cert.PermittedDNSDomains) == 0 || slices.Contains(cert.PermittedDNSDomains, ""):
		return errors.New("it is not constrained to some DNS names")
	case !addressesConstrained(cert):
		return errors.New("it is not constrained to some IP addresses")
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		return fmt.Errorf("it is not signed by itself: %w", err)
	}
	return nil
}

// addressesConstrained tells whether each family of addresses is either excluded as a whole or permitted one by one.
func addressesConstrained(cert *x509.Certificate) bool {
	for _, all := range families() {
		permitted := 0
		for _, network := range cert.PermittedIPRanges {
			if len(network.IP) != len(all.IP) {
				continue
			}
			if ones, bits := network.Mask.Size(); ones != bits {
				return false
			}
			permitted++
		}
		excluded := slices.ContainsFunc(cert.ExcludedIPRanges, func(n *net.IPNet) bool {
			return slices.Equal(n.IP, all.IP) && slices.Equal(n.Mask, all.Mask)
		})
		if permitted == 0 && !excluded {
			return false
		}
	}
	return true
}
