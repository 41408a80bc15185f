package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/keypair"
	"branchpoint/tokenbroker/secretfile"
)

const (
	// keyFile holds the key and its certificate, so that they cannot come apart.
	keyFile = "client.key"
	// keyPurpose is for secretfile.
	keyPurpose = "Branchpoint client identity"
	// keyBits is what clients use.
	keyBits = 2048
	// lifetime of a self-signed certificate in years. It ends with the machine: nothing renews it, since the site knows the
	// machine by it.
	lifetime = 20
	// skew is how far the clock of a server may be behind ours.
	skew = 24 * time.Hour
)

// PEM blocks of the key file (RFC 7468).
const (
	keyBlock         = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// Create makes a key with a self-signed certificate in the directory of config, which is made when it does not exist. The
// error Is ErrExists when there is one: of two processes that make one at once, one succeeds. It is refused where the
// certificate is an issued one.
func Create(config Config) (*Identity, error) {
	config, err := config.checked()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if config.Issued() {
		return nil, errors.New("identity: its certificate is issued by others; there is nothing to be made")
	}
	if err := secretfile.MakeDirectory(config.Directory); err != nil {
		return nil, fmt.Errorf("identity: making its directory: %w", err)
	}
	if _, err := readOwn(config.Directory); !errors.Is(err, ErrNone) {
		return nil, exists(config.Directory, err)
	}
	held, text, err := makeOwn(config.Now())
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := secretfile.Create(filepath.Join(config.Directory, keyFile), keyPurpose, text); err != nil {
		return nil, exists(config.Directory, err)
	}
	return newIdentity(config, held)
}

// exists says why an identity was not made. err is nil, or what came in between.
func exists(dir string, err error) error {
	if err == nil || errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("identity: %w in %s", ErrExists, dir)
	}
	return fmt.Errorf("identity: %w", err)
}

// makeOwn returns a new key with its certificate, and the text of its file.
func makeOwn(now time.Time) (material, []byte, error) {
	secret, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return material{}, nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := ccm.NewCertificate(secret, now.Add(-skew), now.AddDate(lifetime, 0, 0))
	if err != nil {
		return material{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return material{}, nil, fmt.Errorf("reading the new certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return material{}, nil, fmt.Errorf("encoding the key: %w", err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: encoded}),
		pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: der})...)
	return own(secret, cert), text, nil
}

func own(secret *rsa.PrivateKey, cert *x509.Certificate) material {
	return material{keypair.NewKey(secret), []*x509.Certificate{cert}, ccm.SelfSigned, "directory"}
}

// readOwn reads what Create made. The error Is ErrNone when it did not.
func readOwn(dir string) (material, error) {
	path := filepath.Join(dir, keyFile)
	text, err := secretfile.Read(path, keyPurpose)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return material{}, fmt.Errorf("%w in %s", ErrNone, dir)
	case err != nil:
		return material{}, fmt.Errorf("reading the key: %w", err)
	}
	held, err := parseOwn(text)
	if err != nil {
		return material{}, fmt.Errorf("reading the key: %s: %w", path, err)
	}
	return held, nil
}

// parseOwn reads the text of a key file. No error holds any of it.
func parseOwn(text []byte) (material, error) {
	first, text := pem.Decode(text)
	if first == nil || first.Type != keyBlock {
		return material{}, errors.New("it does not begin with a private key in PEM form")
	}
	second, text := pem.Decode(text)
	if second == nil || second.Type != certificateBlock || len(bytes.TrimSpace(text)) > 0 {
		return material{}, errors.New("there is not one certificate in PEM form behind the key")
	}
	private, err := x509.ParsePKCS8PrivateKey(first.Bytes)
	if err != nil {
		return material{}, errors.New("its private key cannot be read")
	}
	cert, err := x509.ParseCertificate(second.Bytes)
	if err != nil {
		return material{}, errors.New("its certificate cannot be read")
	}
	secret, ok := private.(*rsa.PrivateKey)
	if public, is := cert.PublicKey.(*rsa.PublicKey); !ok || !is || !secret.PublicKey.Equal(public) || public.N.BitLen() < keyBits {
		return material{}, errors.New("its key and its certificate do not belong together")
	}
	return own(secret, cert), nil
}
