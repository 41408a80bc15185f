package identity

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says where the identity is. At most one of PFXFile, CertificateFile and Store is given; without one, the key is
// what Create made in the directory.
type Config struct {
	// Directory holds the answer of the site, and the key that Create makes. Required. It is made when something is written.
	Directory string
	// SiteCode is the code of the site, three characters. Required: a registration counts for one site.
	SiteCode string
	// PFXFile is a PKCS #12 file, and PasswordFile holds its password and nothing else. Without PasswordFile the password is
	// empty.
	PFXFile, PasswordFile string
	// CertificateFile and KeyFile are PEM files: the certificate, perhaps with those above it, and its key without a password.
	CertificateFile, KeyFile string
	// Store chooses a certificate of the machine's store ("Personal"), on Windows only.
	Store Query
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Query chooses a certificate by its properties: all that are given have to match. Of those that match, are good now, have an
// RSA key and are for clients, the one that is good for longest is taken.
type Query struct {
	// Issuer and Subject are common names. Letter case does not matter.
	Issuer, Subject string
	// Thumbprint is the SHA-1 of the certificate in hexadecimal, as Windows shows it; spaces and colons do not matter.
	Thumbprint string
}

// Issued tells whether the certificate is one of a public key infrastructure.
func (c Config) Issued() bool {
	return c.PFXFile != "" || c.CertificateFile != "" || c.Store != (Query{})
}

// checked is the configuration with its defaults, or what is wrong with it.
func (c Config) checked() (Config, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	given := 0
	for _, one := range []bool{c.PFXFile != "", c.CertificateFile != "", c.Store != (Query{})} {
		if one {
			given++
		}
	}
	switch {
	case c.Directory == "":
		return c, errors.New("its directory is not named")
	case len(c.SiteCode) != 3:
		return c, fmt.Errorf("%q is not the code of a site, which has three characters", c.SiteCode)
	case given > 1:
		return c, errors.New("more than one place is named for its certificate")
	case c.PasswordFile != "" && c.PFXFile == "":
		return c, errors.New("there is a password file, but no PFX file")
	case (c.CertificateFile == "") != (c.KeyFile == ""):
		return c, errors.New("of a certificate file and a key file one is missing")
	}
	c.SiteCode = strings.ToUpper(c.SiteCode)
	return c, nil
}
