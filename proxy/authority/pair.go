package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"branchpoint/tokenbroker/secretfile"
)

// pair is a certificate with its key, as one file holds them: a rename puts both to use, and they cannot come apart.
type pair struct {
	cert *x509.Certificate
	key  *signer
}

// PEM blocks of a key file (RFC 7468).
const (
	keyBlock         = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// makePair returns a new pair and the text of its file.
func makePair(names Names) (*pair, []byte, error) {
	if names.empty() {
		return nil, nil, errors.New("an authority needs a name to speak for")
	}
	cert, key, err := newCertificate(names)
	if err != nil {
		return nil, nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the key: %w", err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: secret}), encodeCertificate(cert)...)
	return &pair{cert, newSigner(key)}, text, nil
}

// readPair reads a key file of a directory. The error is ErrNone when it is not there.
func readPair(dir, name string) (*pair, error) {
	path := filepath.Join(dir, name)
	text, err := secretfile.Read(path, keyPurpose)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNone, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority: %w", err)
	}
	p, err := parsePair(text)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority: %s: %w", path, err)
	}
	return p, nil
}

// parsePair reads the text of a key file. No error holds any of it.
func parsePair(text []byte) (*pair, error) {
	secret, text := pem.Decode(text)
	if secret == nil || secret.Type != keyBlock {
		return nil, errors.New("it does not begin with a private key in PEM form")
	}
	private, err := x509.ParsePKCS8PrivateKey(secret.Bytes)
	if err != nil {
		return nil, errors.New("its private key cannot be read")
	}
	cert, err := parseCertificate(text)
	if err != nil {
		return nil, err
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("its key and its certificate do not belong together")
	}
	return &pair{cert, newSigner(key)}, nil
}

// parseCertificate reads the certificate of an authority of ours, and refuses others.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != certificateBlock || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("there is not one certificate in PEM form in it")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("its certificate cannot be read")
	}
	if err := check(cert); err != nil {
		return nil, fmt.Errorf("its certificate is not one of Branchpoint's: %w", err)
	}
	return cert, nil
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw})
}
