package sim

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // legacy clients sign with it
	_ "crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Signatures of messages are RSA PKCS #1 v1.5, with their bytes in reverse, as CryptoAPI has them, in hex (sccmwtf,
// SCCMSecrets; MSDN, Client Messaging SDK).

// Object identifiers of the hashes (RFC 8017).
const (
	oidSHA256RSA = sha256RSA
	oidSHA1RSA   = "1.2.840.113549.1.1.5"
)

// hashNamed is the algorithm that a message names. A message of an old client names none, and means SHA-1.
func hashNamed(oid string) (crypto.Hash, bool) {
	switch oid {
	case oidSHA256RSA:
		return crypto.SHA256, true
	case oidSHA1RSA, "":
		return crypto.SHA1, true
	}
	return 0, false
}

// verifies says whether a signature in hex is that of a key over the data. Native code signs the bare digest
// (CRYPT_NOHASHOID), most tools sign with the object identifier of the hash: both are taken.
func verifies(key *rsa.PublicKey, hash crypto.Hash, data []byte, signature string) bool {
	raw, err := hex.DecodeString(signature)
	if err != nil || len(raw) != key.Size() {
		return false
	}
	slices.Reverse(raw)
	h := hash.New()
	h.Write(data)
	digest := h.Sum(nil)
	return rsa.VerifyPKCS1v15(key, hash, digest, raw) == nil || rsa.VerifyPKCS1v15(key, crypto.Hash(0), digest, raw) == nil
}

// verifiesText is verifies for a text in UTF-16 with its terminator, which is how ids and tokens are signed.
func verifiesText(key *rsa.PublicKey, hash crypto.Hash, text, signature string) bool {
	return verifies(key, hash, append(utf16le(text), 0, 0), signature)
}

// messageTime is the form of all times in messages, UTC.
const messageTime = "2006-01-02T15:04:05Z"

// fresh says whether a stated time is now, give or take a skew.
func fresh(stated string, now time.Time, skew time.Duration) bool {
	at, err := time.Parse(messageTime, stated)
	return err == nil && now.Sub(at).Abs() <= skew
}
