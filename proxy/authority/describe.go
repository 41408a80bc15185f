package authority

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// Description is what people want to know of an authority's certificate.
type Description struct {
	// Subject names the authority; no two have the same.
	Subject string `json:"subject"`
	// SHA256 is the fingerprint of the certificate: pairs of hexadecimal digits with colons, as other programs show it.
	SHA256 string `json:"sha256"`
	// NotBefore and NotAfter bound the time in which it is good, in UTC.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Names are the DNS names, each with everything below it, and the IP addresses for which it is good.
	Names []string `json:"names"`
}

// Describe describes the certificate of an authority.
func Describe(cert *x509.Certificate) Description {
	return Description{
		Subject: cert.Subject.String(), SHA256: fingerprint(cert),
		NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(), Names: namesOf(cert).Strings(),
	}
}

// Missing returns those of a list of names, written as for ParseNames, that the certificate of an authority does not cover.
func Missing(cert *x509.Certificate, list []string) []string { return namesOf(cert).Missing(list) }

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}
