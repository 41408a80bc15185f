package sim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // thumbprints of certificates are made with it
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// jwt is a JSON Web Token in its compact form (RFC 7515, RFC 7519), read but not believed yet.
type jwt struct {
	header, claims map[string]any
	signed         string // what the signature is over
	signature      []byte
}

const maxJWT = 64 << 10

var errNoJWT = errors.New("it is no JWT")

// readJWT takes a token apart.
func readJWT(token string) (jwt, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxJWT || len(parts) != 3 {
		return jwt{}, errNoJWT
	}
	t := jwt{signed: parts[0] + "." + parts[1]}
	for i, into := range []*map[string]any{&t.header, &t.claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil || *into == nil {
			return jwt{}, errNoJWT
		}
	}
	var err error
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return jwt{}, errNoJWT
	}
	return t, nil
}

// text is a claim that is a text, "" otherwise.
func (t jwt) text(claim string) string {
	s, _ := t.claims[claim].(string)
	return s
}

// at is a claim that is a time.
func (t jwt) at(claim string) (time.Time, bool) {
	seconds, ok := t.claims[claim].(float64)
	if !ok || math.Abs(seconds) > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// inForce says whether a token is good at a time, give or take a tolerance.
func (t jwt) inForce(now time.Time, tolerance time.Duration) error {
	ends, ok := t.at("exp")
	if !ok {
		return errors.New("it does not say when it ends")
	}
	starts, ok := t.at("nbf")
	switch {
	case !now.Add(-tolerance).Before(ends):
		return errors.New("it has expired")
	case ok && now.Add(tolerance).Before(starts):
		return errors.New("it is not good yet")
	}
	return nil
}

// verify checks the signature: RS256, or PS256 where that is allowed (RFC 7518 sections 3.3 and 3.5).
func (t jwt) verify(key *rsa.PublicKey, allowPSS bool) error {
	digest := sha256.Sum256([]byte(t.signed))
	switch t.header["alg"] {
	case "RS256":
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil {
			return nil
		}
	case "PS256":
		if allowPSS && rsa.VerifyPSS(key, crypto.SHA256, digest[:], t.signature, nil) == nil {
			return nil
		}
	default:
		return errors.New("its algorithm is not taken")
	}
	return errors.New("its signature is not good")
}

// jwtSigner signs tokens with a key of its own.
type jwtSigner struct {
	key *rsa.PrivateKey
	x5t string // thumbprint of a certificate of the key, as tokens name it (RFC 7515 section 4.1.7)
}

func newJWTSigner() (jwtSigner, error) {
	c, err := newSelfSigned()
	if err != nil {
		return jwtSigner{}, err
	}
	key, ok := c.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return jwtSigner{}, fmt.Errorf("a %T signs no JWT", c.PrivateKey)
	}
	sum := sha1.Sum(c.Certificate[0])
	return jwtSigner{key: key, x5t: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// sign makes a token, RS256.
func (s jwtSigner) sign(claims map[string]any) (Secret, error) {
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "x5t": s.x5t, "kid": s.x5t})
	if err != nil {
		return Secret{}, fmt.Errorf("sign a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return Secret{}, fmt.Errorf("sign a token: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	if err != nil {
		return Secret{}, fmt.Errorf("sign a token: %w", err)
	}
	return NewSecret(signed + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}

// public is the key that verifies.
func (s jwtSigner) public() *rsa.PublicKey { return &s.key.PublicKey }
