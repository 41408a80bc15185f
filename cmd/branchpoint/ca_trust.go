package main

import (
	"context"
	"crypto/x509"
	"fmt"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/proxy/authority"
)

// caTrustCmd adds the authority to what this machine trusts.
type caTrustCmd struct{ configFlag }

// Run adds the one in use, and the next one if it is prepared.
func (c *caTrustCmd) Run(s *streams) error {
	certs, store, err := c.trustees()
	if err != nil {
		return err
	}
	ctx, cancel := withTrustTimeout()
	defer cancel()
	return trust(ctx, s, store, certs)
}

// trustees are whom to trust, and the list of those who are.
func (f configFlag) trustees() (certs authority.Certificates, store *truststore.Store, err error) {
	config, err := f.load()
	if err != nil {
		return certs, nil, err
	}
	if certs, err = authority.Read(config.Interception.CADirectory); err != nil {
		return certs, nil, advised(err)
	}
	if store, err = truststore.Open(""); err != nil {
		return certs, nil, advised(err)
	}
	return certs, store, nil
}

func trust(ctx context.Context, s *streams, store *truststore.Store, certs authority.Certificates) error {
	for _, cert := range []*x509.Certificate{certs.Current, certs.Next} {
		if cert == nil {
			continue
		}
		if err := store.Install(ctx, cert); err != nil {
			return fmt.Errorf("trusting %s: %w", short(cert), err)
		}
		fmt.Fprintf(s.out, "This machine trusts %s, for its names only.\n", short(cert))
	}
	fmt.Fprintln(s.out, "Programs that run may have to be started again. Browsers may keep lists of their own.")
	return nil
}

// caUntrustCmd takes the authority off what this machine trusts.
type caUntrustCmd struct {
	configFlag
	Previous bool `help:"Only the one that was in use before the last rotation."`
}

// Run removes all that trust ever added, or the one before the last rotation.
func (c *caUntrustCmd) Run(s *streams) error {
	certs, store, err := c.trustees()
	if err != nil {
		return err
	}
	ctx, cancel := withTrustTimeout()
	defer cancel()
	return untrust(ctx, s, store, certs, c.Previous)
}

func untrust(ctx context.Context, s *streams, store *truststore.Store, certs authority.Certificates, previous bool) error {
	list := []*x509.Certificate{certs.Current, certs.Next, certs.Previous}
	if previous {
		list = list[2:]
	}
	for _, cert := range list {
		if cert == nil {
			continue
		}
		removed, err := store.Remove(ctx, cert)
		if err != nil {
			return fmt.Errorf("trusting %s no longer: %w", short(cert), err)
		}
		verb := "did not trust"
		if removed {
			verb = "no longer trusts"
		}
		fmt.Fprintf(s.out, "This machine %s %s.\n", verb, short(cert))
	}
	if previous && certs.Previous == nil {
		fmt.Fprintln(s.out, "There was no rotation yet.")
	}
	return nil
}
