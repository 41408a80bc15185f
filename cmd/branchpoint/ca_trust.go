package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// caTrustCmd adds the authority to what this machine trusts.
type caTrustCmd struct{ configFlag }

// Run adds the one in use, and the next one if it is prepared.
func (c *caTrustCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	certs, store, err := trustees(config)
	if err != nil {
		return err
	}
	ctx, cancel := withTrustTimeout()
	defer cancel()
	return trust(ctx, s, config, store, certs)
}

// trustees are whom to trust, and the list of those who are.
func trustees(config *configs.Config) (certs authority.Certificates, store *truststore.Store, err error) {
	if certs, err = authority.Read(config.Interception.CADirectory); err != nil {
		return certs, nil, advised(err)
	}
	if store, err = truststore.Open(""); err != nil {
		return certs, nil, advised(err)
	}
	return certs, store, nil
}

func trust(ctx context.Context, s *streams, config *configs.Config, store *truststore.Store, certs authority.Certificates) error {
	list := slices.DeleteFunc([]*x509.Certificate{certs.Current, certs.Next}, func(cert *x509.Certificate) bool { return cert == nil })
	for _, cert := range list {
		if err := expected(config, cert); err != nil {
			return err
		}
	}
	for _, cert := range list {
		if err := store.Install(ctx, cert); err != nil {
			return fmt.Errorf("trusting %s: %w", short(cert), err)
		}
		fmt.Fprintf(s.out, "This machine trusts %s, for its names only, with all below: %s.\n",
			short(cert), strings.Join(authority.Describe(cert).Names, ", "))
	}
	fmt.Fprintln(s.out, "Programs that run may have to be started again. Browsers may keep lists of their own.")
	return nil
}

// expected refuses an authority for names that the configuration does not have: who may write into its directory, which is the
// service and not an administrator, could otherwise have this machine believe any name.
func expected(config *configs.Config, cert *x509.Certificate) error {
	names, err := authority.ParseNames(config.AuthorityNames())
	if err != nil {
		return &configError{fmt.Errorf("no certificate authority can be trusted for the configuration: %w", err)}
	}
	if strange := names.Missing(authority.Describe(cert).Names); len(strange) > 0 {
		return fmt.Errorf("%s is not trusted: it is also good for %s, which the configuration does not name; branchpoint ca rotate "+
			"makes one for the names in the configuration", short(cert), strings.Join(strange, ", "))
	}
	return nil
}

// caUntrustCmd takes the authority off what this machine trusts.
type caUntrustCmd struct {
	configFlag
	Previous bool `help:"Only the one that was in use before the last rotation."`
}

// Run removes all that trust ever added, or the one before the last rotation.
func (c *caUntrustCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	certs, store, err := trustees(config)
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
