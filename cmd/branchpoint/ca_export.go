package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"branchpoint/proxy/authority"
)

// caExportCmd writes certificates, and no key.
type caExportCmd struct {
	configFlag
	Out  string `help:"The file to write. Default: standard output." placeholder:"FILE"`
	DER  bool   `name:"der" help:"Write DER, which holds one certificate, instead of PEM."`
	Only string `help:"Which: all (the one in use, and the next one if it is prepared), current or next." enum:"all,current,next" default:"all"`
}

// Run writes what clients are to trust.
func (c *caExportCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	certs, _, err := authority.ReadPublic(config.Interception.CADirectory)
	if err != nil {
		return advised(err)
	}
	chosen, err := c.choose(certs)
	if err != nil {
		return advised(err)
	}
	text, err := c.encode(chosen)
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = s.out.Write(text)
		return err
	}
	if err := os.WriteFile(c.Out, text, 0o644); err != nil { // everybody may read it
		return fmt.Errorf("writing the certificate: %w", err)
	}
	for _, cert := range chosen {
		fmt.Fprintf(s.out, "Wrote %s to %s.\n", short(cert), c.Out)
	}
	return nil
}

func (c *caExportCmd) choose(certs authority.Certificates) ([]*x509.Certificate, error) {
	switch {
	case c.Only == "current" || c.Only == "all" && certs.Next == nil:
		return []*x509.Certificate{certs.Current}, nil
	case certs.Next == nil:
		return nil, authority.ErrNotPrepared
	case c.Only == "next":
		return []*x509.Certificate{certs.Next}, nil
	}
	return []*x509.Certificate{certs.Current, certs.Next}, nil
}

func (c *caExportCmd) encode(certs []*x509.Certificate) (text []byte, err error) {
	if c.DER {
		if len(certs) > 1 {
			return nil, errors.New("there are two certificates, and DER holds one: choose with --only current or --only next")
		}
		return certs[0].Raw, nil
	}
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text, nil
}
