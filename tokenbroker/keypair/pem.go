package keypair

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"branchpoint/tokenbroker/secretfile"
)

// errEncrypted says what to do about a key with a password. The old form of encryption that PEM has is no protection (RFC 1423:
// one round of MD5), and for the new one a PFX file is what Windows writes.
var errEncrypted = errors.New("its key is encrypted; write it without a password (openssl pkcs8 -topk8 -nocrypt) into a file " +
	"that only the service can read, or use a PFX file with its password in a file")

// PEM reads a certificate, perhaps with those above it, and its key from files in PEM form (RFC 7468), which may be one file.
// The order of the certificates does not matter. A key that everybody on the machine may read is refused, and so is an
// encrypted one.
func PEM(certificateFile, keyFile string) (*Pair, error) {
	text, err := os.ReadFile(certificateFile)
	if err != nil {
		return nil, reading(certificateFile, err)
	}
	certs, err := parseCertificates(text)
	if err != nil {
		return nil, reading(certificateFile, err)
	}
	if text, err = secretfile.Given(keyFile); err != nil {
		return nil, reading(keyFile, err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, reading(keyFile, err)
	}
	pair, err := newPair(key, certs)
	if err != nil {
		return nil, reading(keyFile, err)
	}
	return pair, nil
}

// maxCertificates bounds a file: those of all authorities of a company are fewer.
const maxCertificates = 64

func parseCertificates(text []byte) (certs []*x509.Certificate, err error) {
	for len(certs) < maxCertificates {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("one of its certificates cannot be read")
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("there is no certificate in PEM form in it")
	}
	return certs, nil
}

// parseKey reads the first private key of a text. No error holds any of it.
func parseKey(text []byte) (crypto.PrivateKey, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("there is no private key in PEM form in it")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, errEncrypted
		}
		return parseBlock(block)
	}
}

func parseBlock(block *pem.Block) (key crypto.PrivateKey, err error) {
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default: // EC, DSA, OpenSSH
		return nil, ErrNotRSA
	}
	if err != nil {
		return nil, errors.New("its private key cannot be read")
	}
	return key, nil
}
