package authority

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"branchpoint/tokenbroker/secretfile"
)

// The files of a directory. A key file holds its certificate as well, and is what counts; the certificate file beside it is
// a copy for people and other programs.
const (
	currentKey   = "ca.key"
	currentCert  = "ca.pem"
	nextKey      = "ca.next.key"
	nextCert     = "ca.next.pem"
	previousCert = "ca.previous.pem"
)

// keyPurpose is that of the key files for secretfile. Another would not open those that there are.
const keyPurpose = "Branchpoint certificate authority"

// Certificates are the certificates of a directory.
type Certificates struct {
	// Current signs.
	Current *x509.Certificate
	// Next will sign when it is activated. Nil: none is prepared.
	Next *x509.Certificate
	// Previous signed before the last activation; its key is gone. Nil: there was none.
	Previous *x509.Certificate
}

// Read returns the certificates of a directory. The error is ErrNone when there is no authority in it.
func Read(dir string) (c Certificates, err error) {
	current, err := readPair(dir, currentKey)
	if err != nil {
		return c, err
	}
	c.Current = current.cert
	next, err := readPair(dir, nextKey)
	if err == nil {
		c.Next = next.cert
	} else if !errors.Is(err, ErrNone) {
		return c, err
	}
	c.Previous, err = readCertificate(dir, previousCert)
	return c, err
}

// readCertificate reads a certificate file of a directory. It is nil when it is not there.
func readCertificate(dir, name string) (*x509.Certificate, error) {
	path := filepath.Join(dir, name)
	text, err := secretfile.ReadPublic(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	cert, err := parseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %s: %w", path, err)
	}
	return cert, nil
}

// Create makes an authority for the names in a directory, which is made when it does not exist, and returns its
// certificate. The error is ErrExists when there is one: it is never overwritten, and of two that are made at once one stays.
func Create(dir string, names Names) (*x509.Certificate, error) {
	if err := secretfile.MakeDirectory(dir); err != nil {
		return nil, fmt.Errorf("making the directory of the certificate authority: %w", err)
	}
	return add(dir, names, currentKey, ErrExists)
}

// Rotate prepares the next authority, for the names, beside the one that is in use. The error is ErrNone when there is no
// such, and ErrPrepared when a next one is waiting.
func Rotate(dir string, names Names) (*x509.Certificate, error) {
	if _, err := readPair(dir, currentKey); err != nil {
		return nil, err
	}
	return add(dir, names, nextKey, ErrPrepared)
}

// add makes an authority in a key file that must not be there.
func add(dir string, names Names, name string, there error) (*x509.Certificate, error) {
	made, text, err := makePair(names)
	if err != nil {
		return nil, err
	}
	err = secretfile.Create(filepath.Join(dir, name), keyPurpose, text)
	if errors.Is(err, fs.ErrExist) {
		return nil, errors.Join(fmt.Errorf("%w in %s", there, dir), settle(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("writing the certificate authority: %w", err)
	}
	return made.cert, settle(dir)
}

// Activate puts the prepared authority to use and returns its certificate. The key of the one before is gone after that; its
// certificate stays, so that people can be told to trust it no longer. The error is ErrNotPrepared when Rotate did not
// prepare one.
func Activate(dir string) (*x509.Certificate, error) {
	c, err := Read(dir)
	if err != nil {
		return nil, err
	}
	if c.Next == nil {
		return nil, errors.Join(fmt.Errorf("%w in %s", ErrNotPrepared, dir), settle(dir))
	}
	if err := secretfile.WritePublic(filepath.Join(dir, previousCert), encodeCertificate(c.Current)); err != nil {
		return nil, fmt.Errorf("keeping the certificate of the authority so far: %w", err)
	}
	if err := secretfile.Move(filepath.Join(dir, nextKey), filepath.Join(dir, currentKey)); err != nil {
		return nil, fmt.Errorf("putting the next certificate authority to use: %w", err)
	}
	return c.Next, settle(dir)
}

// settle makes the certificate files agree with the key files. It also finishes what was interrupted.
func settle(dir string) error {
	c, err := Read(dir)
	if err != nil {
		return err
	}
	if err := copyOut(filepath.Join(dir, currentCert), c.Current); err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	if c.Next != nil {
		err = copyOut(filepath.Join(dir, nextCert), c.Next)
	} else {
		err = secretfile.Remove(filepath.Join(dir, nextCert))
	}
	if err != nil {
		return fmt.Errorf("writing the next certificate: %w", err)
	}
	return nil
}

func copyOut(path string, cert *x509.Certificate) error {
	text := encodeCertificate(cert)
	if old, err := secretfile.ReadPublic(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return secretfile.WritePublic(path, text)
}
