package authority

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// leafLifetime is short because nobody can revoke a certificate of ours; a lost one ends by itself.
	leafLifetime = 30 * 24 * time.Hour
	// maxLeaves bounds the certificates that are kept: a suffix covers any number of names, and clients choose them.
	maxLeaves = 1024
)

// leaves makes the certificates of servers and keeps those that were asked for last.
type leaves struct {
	issuer    *x509.Certificate
	authority *signer // of the issuer
	key       *signer // of every leaf
	kept      *lru.Cache[subject, *leaf]
}

// leaf is the certificate for one name. Who asks first makes it while the others wait.
type leaf struct {
	mu   sync.Mutex
	cert *tls.Certificate // nil until it is made
}

func newLeaves(p *pair) (*leaves, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	l := &leaves{issuer: p.cert, authority: p.key, key: newSigner(key)}
	l.kept, _ = lru.New[subject, *leaf](maxLeaves) // fails only for a size below one
	return l, nil
}

func (l *leaves) get(s subject) (*tls.Certificate, error) {
	kept := l.slot(s)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if now := time.Now(); kept.cert == nil || l.stale(kept.cert.Leaf, now) {
		cert, err := l.issue(s, now)
		if err != nil {
			return nil, fmt.Errorf("making a certificate for %s: %w", s, err)
		}
		kept.cert = cert
	}
	return kept.cert, nil
}

func (l *leaves) slot(s subject) *leaf {
	if kept, ok := l.kept.Get(s); ok {
		return kept
	}
	fresh := new(leaf)
	if kept, ok, _ := l.kept.PeekOrAdd(s, fresh); ok {
		return kept
	}
	return fresh
}

// stale tells whether less than a third of a certificate's life is left, unless its authority ends with it. A clock that
// was set back makes it stale as well.
func (l *leaves) stale(cert *x509.Certificate, now time.Time) bool {
	if !valid(cert, now) {
		return true
	}
	return cert.NotAfter.Sub(now) < leafLifetime/3 && cert.NotAfter.Before(l.issuer.NotAfter)
}

func (l *leaves) issue(s subject, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: newSerial(),
		NotBefore:    latest(now.Add(-skew), l.issuer.NotBefore), NotAfter: earliest(now.Add(leafLifetime), l.issuer.NotAfter),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	// The name stands where verifiers look for it, and not in the subject: that would be a directory name, a kind of name
	// that the constraints do not speak of.
	s.alternative(template)
	der, err := x509.CreateCertificate(rand.Reader, template, l.issuer, l.key.public, l.authority)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, l.issuer.Raw}, PrivateKey: l.key, Leaf: cert}, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
