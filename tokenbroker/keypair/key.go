package keypair

import (
	"crypto"
	"crypto/rsa"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Key is an RSA key of this process. The key is inside functions, where neither what prints nor what encodes values can see
// it.
type Key struct {
	public *rsa.PublicKey
	reveal func() *rsa.PrivateKey
}

var (
	_ crypto.Signer          = (*Key)(nil)
	_ crypto.Decrypter       = (*Key)(nil)
	_ fmt.Formatter          = (*Key)(nil)
	_ slog.LogValuer         = (*Key)(nil)
	_ json.Marshaler         = (*Key)(nil)
	_ encoding.TextMarshaler = (*Key)(nil)
)

// NewKey wraps a key.
func NewKey(secret *rsa.PrivateKey) *Key {
	public := secret.PublicKey
	return &Key{&public, func() *rsa.PrivateKey { return secret }}
}

// Public is the *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer.
func (k *Key) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.reveal().Sign(random, digest, opts)
}

// Decrypt implements crypto.Decrypter.
func (k *Key) Decrypt(random io.Reader, text []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.reveal().Decrypt(random, text, opts)
}

// Reveal is the key itself, for libraries that want nothing else. Take care where it goes.
func (k *Key) Reveal() *rsa.PrivateKey { return k.reveal() }

const said = "a private key"

// Format says that there is a key, for every verb.
func (*Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, said) }

// LogValue says that there is a key.
func (*Key) LogValue() slog.Value { return slog.StringValue(said) }

// MarshalJSON says that there is a key.
func (*Key) MarshalJSON() ([]byte, error) { return []byte(`"` + said + `"`), nil }

// MarshalText says that there is a key.
func (*Key) MarshalText() ([]byte, error) { return []byte(said), nil }
