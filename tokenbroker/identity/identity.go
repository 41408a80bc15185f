// Package identity keeps who this machine is to its site: a key, its certificate, and the client id that the site gave it.
//
// The key is one that the machine makes for itself (Create), or comes with a certificate of a public key infrastructure: a
// PFX file, PEM files, or the certificate store of Windows. The answer of the site to a registration is kept in a directory,
// in a file that is always whole, and belongs to one key at one site: with another key, or at another site, the machine is
// not registered. The service and the command line work in the same directory, and each sees what the other did (Current).
package identity

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"branchpoint/tokenbroker/ccm"
)

var (
	// ErrNone says that the directory has no key yet: Create makes one.
	ErrNone = errors.New("there is no identity")
	// ErrExists says that there is one already. It is never overwritten.
	ErrExists = errors.New("there is an identity already")
	// ErrReplaced says that the directory holds another key than the one that a registration is for.
	ErrReplaced = errors.New("the identity has been replaced by another one meanwhile")
	// ErrNotValid says that a certificate is not good at a time: not yet, or no longer.
	ErrNotValid = errors.New("the certificate is not valid now")
)

// Identity is who this machine is. It never changes, and may be used by many goroutines. It prints as the subject of its
// certificate.
type Identity struct {
	config Config
	held   material
	ccm    *ccm.Identity
	record record // zero: the site has not been told of this key
}

// Load reads the identity of config. The error Is ErrNone when the machine has to make its key first.
func Load(config Config) (*Identity, error) {
	config, err := config.checked()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	held, err := config.material()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return newIdentity(config, held)
}

// newIdentity joins a key with what the directory says of it.
func newIdentity(config Config, held material) (*Identity, error) {
	i := &Identity{config: config, held: held}
	known, err := readRecord(config.Directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("identity: %w", err)
	}
	settings := ccm.IdentityConfig{Key: held.key, Certificate: held.leaf().Raw, KeyType: held.kind}
	if known.belongs(config.SiteCode, held) {
		i.record, settings.SMSID = known, known.SMSID
	}
	if i.ccm, err = ccm.NewIdentity(settings); err != nil {
		return nil, err
	}
	return i, nil
}

// CCM is the identity that messages are signed with. It has the client id when the site gave one to this key.
func (i *Identity) CCM() *ccm.Identity { return i.ccm }

// TLS is the certificate that is shown to servers which want one (mutual TLS), with the chain above it. It is nil for a
// self-signed certificate, which no server takes.
func (i *Identity) TLS() *tls.Certificate {
	if i.held.kind != ccm.Issued {
		return nil
	}
	shown := &tls.Certificate{PrivateKey: i.held.key, Leaf: i.held.leaf()}
	for _, c := range i.held.chain {
		shown.Certificate = append(shown.Certificate, c.Raw)
	}
	return shown
}

// Registration is what the site answered last. False: it was not asked yet, about this key.
func (i *Identity) Registration() (ccm.Registration, bool) {
	return i.record.registration(), !i.record.At.IsZero()
}

// Valid says whether the certificate is good at a time; the error Is ErrNotValid. Sites do not look at the dates of a
// self-signed certificate, as far as public tools show, but servers do at those of an issued one.
func (i *Identity) Valid(at time.Time) error {
	leaf := i.held.leaf()
	if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) {
		return fmt.Errorf("%w: it is good from %s to %s", ErrNotValid,
			leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// Current is the identity as it is now: i itself while it is the same client with the same certificate, and otherwise a new one.
// It reads the files anew, which takes some milliseconds, so that a registration by another process and a renewed certificate
// are seen. How the registration stands is not who we are: Load tells what the site said of it last.
func (i *Identity) Current() (*Identity, error) {
	now, err := Load(i.config)
	if err != nil {
		return nil, err
	}
	if now.ccm.SMSID() == i.ccm.SMSID() && bytes.Equal(now.held.leaf().Raw, i.held.leaf().Raw) {
		return i, nil
	}
	return now, nil
}

// Format prints the subject of the certificate, for every verb.
func (i *Identity) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, i.held.leaf().Subject.String())
}

// LogValue is the subject of the certificate.
func (i *Identity) LogValue() slog.Value { return slog.StringValue(i.held.leaf().Subject.String()) }

// MarshalText encodes the subject of the certificate.
func (i *Identity) MarshalText() ([]byte, error) { return []byte(i.held.leaf().Subject.String()), nil }
