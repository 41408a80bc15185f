package sim

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // thumbprints of certificates are made with it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// checkAssertion checks a JWT that an application has signed with the key of its certificate (learn.microsoft.com "Microsoft
// identity platform application authentication certificate credentials"): RS256 or PS256, with the thumbprint of the certificate.
func (e *Entra) checkAssertion(app EntraApp, assertion string) error {
	t, err := readJWT(assertion)
	if err != nil {
		return err
	}
	if app.Certificate == nil || !namesCertificate(t.header, app.Certificate) {
		return errors.New("the certificate with its thumbprint is not registered on the application")
	}
	key, ok := app.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the key is not RSA")
	}
	if err := t.verify(key, true); err != nil {
		return err
	}
	switch audience := t.text("aud"); {
	case !strings.EqualFold(t.text("iss"), app.ClientID), !strings.EqualFold(t.text("sub"), app.ClientID):
		return errors.New("issuer and subject are not the application")
	case !strings.EqualFold(audience, e.tokenEndpoint()) && !strings.EqualFold(audience, e.Authority()+"/v2.0"):
		return errors.New("its audience is not this endpoint")
	}
	return t.inForce(e.config.Now(), 5*time.Minute)
}

// namesCertificate says whether the header of a JWT has the thumbprint of a certificate (RFC 7515 sections 4.1.7 and 4.1.8).
// Microsoft's library for Go writes it in base64 with padding.
func namesCertificate(header map[string]any, c *x509.Certificate) bool {
	old, sum := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return isThumbprint(header["x5t"], old[:]) || isThumbprint(header["x5t#S256"], sum[:])
}

func isThumbprint(value any, sum []byte) bool {
	text, _ := value.(string)
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	raw, err := base64.RawStdEncoding.DecodeString(text)
	return err == nil && bytes.Equal(raw, sum)
}
