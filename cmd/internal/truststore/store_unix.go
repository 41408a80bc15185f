//go:build !windows

package truststore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Store is the list. It holds no open files, and need not be closed.
type Store struct {
	root string
	family
}

// family is how the distributions of one kind keep the list.
type family struct {
	tools   []string // where the program may be that makes the list
	args    []string
	anchors string // whose certificates it adds to those of the distribution
	conf    string // what it takes from the distribution's own, if that is how it is told to forget a certificate
}

func families() []family {
	return []family{
		{ // Debian, Ubuntu: update-ca-certificates(8)
			tools:   []string{"usr/sbin/update-ca-certificates", "usr/bin/update-ca-certificates"},
			anchors: "usr/local/share/ca-certificates", conf: "etc/ca-certificates.conf",
		},
		{ // Red Hat, Fedora: update-ca-trust(8)
			tools: []string{"usr/bin/update-ca-trust", "usr/sbin/update-ca-trust"}, args: []string{"extract"},
			anchors: "etc/pki/ca-trust/source/anchors",
		},
	}
}

// Open finds the list of this machine. The error is ErrUnknown when there is none that we know. place is for tests: a
// directory that stands for the root of the file system; empty means that very root.
func Open(place string) (*Store, error) {
	s := &Store{root: place}
	if place == "" {
		s.root = "/"
	}
	for _, f := range families() {
		info, err := os.Stat(filepath.Join(s.root, f.anchors))
		if err != nil || !info.IsDir() {
			continue
		}
		f.tools = slices.DeleteFunc(f.tools, func(tool string) bool { return !executable(filepath.Join(s.root, tool)) })
		if len(f.tools) > 0 {
			s.family = f
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: there is neither update-ca-certificates (Debian, Ubuntu) nor update-ca-trust (Red Hat, Fedora) "+
		"with its directory; add the certificate by hand", ErrUnknown)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// Installed tells whether Install added the certificate to the list.
func (s *Store) Installed(cert *x509.Certificate) (bool, error) {
	text, err := os.ReadFile(s.path(cert))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the certificate: %w", err)
	}
	return bytes.Equal(text, encode(cert)), nil
}

// Install adds a certificate to the list. It is no error that it is there already. The error is ErrPrivilege for a user who
// may not. When the list cannot be made, it stays as it was.
func (s *Store) Install(ctx context.Context, cert *x509.Certificate) error {
	if err := s.privileged(); err != nil {
		return err
	}
	before, err := s.Installed(cert)
	if err != nil {
		return err
	}
	if err := write(s.path(cert), encode(cert)); err != nil {
		return fmt.Errorf("adding the certificate: %w", err)
	}
	err = s.update(ctx)
	if err != nil && !before {
		err = errors.Join(err, os.Remove(s.path(cert)))
	}
	return err
}

// Remove takes a certificate off the list, and tells whether it was there. The error is ErrPrivilege for a user who may not.
// When the list cannot be made, it stays as it was.
func (s *Store) Remove(ctx context.Context, cert *x509.Certificate) (bool, error) {
	if err := s.privileged(); err != nil {
		return false, err
	}
	err := os.Remove(s.path(cert))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("removing the certificate: %w", err)
	}
	if err := s.forget(ctx, filepath.Base(s.path(cert))); err != nil {
		return false, errors.Join(err, write(s.path(cert), encode(cert)))
	}
	return true, nil
}

func (s *Store) privileged() error {
	if s.root == "/" && os.Geteuid() != 0 {
		return fmt.Errorf("%w: run this as root", ErrPrivilege)
	}
	return nil
}

func (s *Store) path(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return filepath.Join(s.root, s.anchors, fmt.Sprintf("branchpoint-%x.crt", sum[:4])) // enough for people
}

func encode(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// write puts a file into place whole, and readable by everybody.
func write(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".branchpoint-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
