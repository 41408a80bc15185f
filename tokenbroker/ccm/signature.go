package ccm

import (
	"crypto"
	"crypto/rand"
	_ "crypto/sha1"   // a Hash may name it
	_ "crypto/sha256" // a Hash may name it
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Hash is the algorithm of a signature, by the object identifier that travels with it.
type Hash string

const (
	// SHA256 is sha256WithRSAEncryption (RFC 8017), what clients of current branch use.
	SHA256 Hash = "1.2.840.113549.1.1.11"
	// SHA1 is sha1WithRSAEncryption (RFC 8017), of old sites only.
	SHA1 Hash = "1.2.840.113549.1.1.5"
)

func (h Hash) algorithm() (crypto.Hash, error) {
	switch h {
	case SHA256:
		return crypto.SHA256, nil
	case SHA1:
		return crypto.SHA1, nil
	}
	return 0, fmt.Errorf("the signature algorithm %q is neither %s (SHA-256) nor %s (SHA-1)", string(h), SHA256, SHA1)
}

// sign returns the signature of message as CM wants to see it: PKCS #1 v1.5, with its bytes in the reverse order of RFC
// 8017 (CryptoAPI counts from the little end; Microsoft's documentation of the Client Messaging SDK turns them round
// too), in upper-case hexadecimal. Without an OID the hash is signed bare, as CryptSignHash does with CRYPT_NOHASHOID.
func (i *Identity) sign(message []byte, h Hash, withOID bool) (string, error) {
	algorithm, err := h.algorithm()
	if err != nil {
		return "", err
	}
	digest := algorithm.New()
	digest.Write(message)
	var named crypto.SignerOpts = algorithm
	if !withOID {
		named = crypto.Hash(0)
	}
	signature, err := i.signer().Sign(rand.Reader, digest.Sum(nil), named)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	slices.Reverse(signature)
	return upperHex(signature), nil
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
