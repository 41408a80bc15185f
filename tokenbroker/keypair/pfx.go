package keypair

import (
	"crypto/x509"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"

	"branchpoint/tokenbroker/secretfile"
)

// PFX reads a certificate with its key, and perhaps those above it, from a PKCS #12 file as Windows exports it. The password
// is the one line of a file; no file is an empty password. A PFX or password file that everybody on the machine may read is
// refused.
func PFX(file, passwordFile string) (*Pair, error) {
	var password string
	if passwordFile != "" {
		var err error
		if password, err = secretfile.GivenLine(passwordFile); err != nil {
			return nil, reading(passwordFile, err)
		}
	}
	data, err := secretfile.Given(file)
	if err != nil {
		return nil, reading(file, err)
	}
	pair, err := parsePFX(data, password)
	if err != nil {
		return nil, reading(file, err)
	}
	return pair, nil
}

func parsePFX(data []byte, password string) (*Pair, error) {
	key, first, others, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption):
		return nil, errors.New("the password does not open it")
	case err != nil:
		// Its errors name structures of the file, and hold nothing of it.
		return nil, fmt.Errorf("it is not a PFX file with one key: %w", err)
	}
	return newPair(key, append([]*x509.Certificate{first}, others...))
}
