// Package authority makes certificates for the names that this box may speak for, and for no other.
//
// A box has a certificate authority of its own. Its certificate is constrained to names (RFC 5280, 4.2.1.10, critical), so
// that who trusts it trusts it with nothing else, even when its key is stolen. The key stays in its directory: on Unix for
// the owner's eyes only, on Windows protected by DPAPI and an access list. It leaves by no method of this package.
//
// Create makes an authority and Load uses it. Rotate prepares the next one, so that clients can trust it before Activate
// puts it to use.
package authority

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	// ErrNone says that there is no certificate authority in a directory.
	ErrNone = errors.New("there is no certificate authority")
	// ErrExists says that there is one already.
	ErrExists = errors.New("there is a certificate authority already")
	// ErrPrepared says that a next authority is waiting to be activated.
	ErrPrepared = errors.New("a next certificate authority is prepared already")
	// ErrNotPrepared says that no next authority is there to be activated.
	ErrNotPrepared = errors.New("no next certificate authority is prepared")
	// ErrNotCovered says that clients would not accept a certificate for a name.
	ErrNotCovered = errors.New("the certificate authority does not cover this name")
)

// Authority makes certificates. It is safe for concurrent use. It can be printed: that shows its certificate's subject.
type Authority struct {
	cert   *x509.Certificate
	names  Names
	leaves *leaves
}

// Load reads the authority of a directory. The error is ErrNone when there is none, and tells what to do when others than
// its owner may read the key.
func Load(dir string) (*Authority, error) {
	p, err := readPair(dir, currentKey)
	if err != nil {
		return nil, err
	}
	return p.authority()
}

func (p *pair) authority() (*Authority, error) {
	leaves, err := newLeaves(p)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: p.cert, names: namesOf(p.cert), leaves: leaves}, nil
}

// Covers tells whether clients that trust the authority accept a certificate of it for a host name or an IP address. One
// that has expired covers nothing.
func (a *Authority) Covers(name string) bool {
	return valid(a.cert, time.Now()) && a.names.Covers(name)
}

// Missing returns those of a list of names, written as for ParseNames, that the authority was not made for. A rotation
// makes one that is.
func (a *Authority) Missing(list []string) []string { return a.names.Missing(list) }

// Certificate returns a certificate for a host name or an IP address, with the chain that a server presents. Its private
// key lives in memory only, and as long as the Authority. The error is ErrNotCovered when clients would not accept it.
func (a *Authority) Certificate(name string) (*tls.Certificate, error) {
	s, err := parseSubject(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCovered, err)
	}
	if !a.names.covers(s) {
		return nil, fmt.Errorf("%w: %s", ErrNotCovered, s)
	}
	if now := time.Now(); !valid(a.cert, now) {
		return nil, fmt.Errorf("%w: %s: it is good from %v to %v", ErrNotCovered, s, a.cert.NotBefore, a.cert.NotAfter)
	}
	return a.leaves.get(s)
}

// Description tells what people want to know of the authority.
func (a *Authority) Description() Description { return Describe(a.cert) }

// Format prints the subject of the certificate, for every verb.
func (a *Authority) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, a.cert.Subject.String()) }

// MarshalText encodes the subject of the certificate.
func (a *Authority) MarshalText() ([]byte, error) { return []byte(a.cert.Subject.String()), nil }

func valid(cert *x509.Certificate, at time.Time) bool {
	return !at.Before(cert.NotBefore) && !at.After(cert.NotAfter)
}
