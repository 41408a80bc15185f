package assembly

import (
	"crypto/x509"
	"fmt"
	"os"
)

// RootCAs returns the roots of the system and those in files. Nil means the system's alone: a distribution point's
// certificate is always verified.
func RootCAs(files []string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the roots of the system: %w", err)
	}
	for _, file := range files {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading upstream.ca_files: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("upstream.ca_files: %s holds no certificate in PEM form", file)
		}
	}
	return pool, nil
}
