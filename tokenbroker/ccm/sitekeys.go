package ccm

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"strings"
)

const keyNames = `
	MPKEYINFORMATION/SITECODE MPKEYINFORMATION/MACHINENAME MPKEYINFORMATION/TRUSTEDROOTKEY MPKEYINFORMATION/MPCERTIFICATE`

// errNotCertificate is an answer without a certificate where one should be.
const errNotCertificate = flaw("it holds no certificate")

// SiteKeys are the public keys of a management point and its site.
type SiteKeys struct {
	// Site is the code of the site, and Machine the name of the management point.
	Site, Machine string
	// Certificate is that of the management point.
	Certificate *x509.Certificate
	// TrustedRootKey is the site's trusted root key as a CryptoAPI blob. Empty: it was not said.
	TrustedRootKey []byte
	// Unknown are the names in the answer that this package does not know.
	Unknown []string
}

// Keys asks for the keys of the management point and its site.
func (b *Bootstrap) Keys(ctx context.Context) (SiteKeys, Source, error) {
	return read(ctx, b.keys, parseKeyInformation)
}

// SiteCertificate asks for the certificate that the site signs its policies with.
func (b *Bootstrap) SiteCertificate(ctx context.Context) (*x509.Certificate, Source, error) {
	return read(ctx, b.certificate, parseSiteCertificate)
}

// parseKeyInformation reads key information. Its elements are those that public tools look for; the name of the root is
// not public, and any will do.
func parseKeyInformation(body []byte) (SiteKeys, error) {
	root, err := parseDocument(body)
	if err != nil {
		return SiteKeys{}, err
	}
	k := SiteKeys{Site: root.value("SITECODE"), Machine: root.value("MACHINENAME")}
	if k.Certificate, err = hexCertificate(root.value("MPCERTIFICATE")); err != nil {
		return SiteKeys{}, err
	}
	if k.TrustedRootKey, err = hexBytes(root.value("TRUSTEDROOTKEY")); err != nil {
		return SiteKeys{}, flaw("the trusted root key is not hexadecimal")
	}
	named := *root
	named.name = "MPKEYINFORMATION"
	k.Unknown = newVocabulary(keyNames).unknown(&named)
	return k, nil
}

// parseSiteCertificate reads the first certificate in the answer. Public logs show an element with the attribute
// EncodingType="HexBinary", and not its name.
func parseSiteCertificate(body []byte) (*x509.Certificate, error) {
	root, err := parseDocument(body)
	if err != nil {
		return nil, err
	}
	var found *x509.Certificate
	everywhere := path{steps: []step{{name: "*", anywhere: true}}}
	everywhere.find(root, func(_ []*element, value string) bool {
		found, err = hexCertificate(value)
		return err != nil
	})
	if found == nil {
		return nil, errNotCertificate
	}
	return found, nil
}

func hexCertificate(text string) (*x509.Certificate, error) {
	der, err := hexBytes(text)
	if err != nil {
		return nil, errNotCertificate
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errNotCertificate
	}
	return c, nil
}

// hexBytes decodes hexadecimal text, which may have line breaks in it and zeros at its end.
func hexBytes(text string) ([]byte, error) {
	return hex.DecodeString(strings.TrimRight(withoutSpace(text), "\x00"))
}
