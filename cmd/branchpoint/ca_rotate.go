package main

import (
	"errors"
	"fmt"
	"strings"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// caRotateCmd replaces the authority in two steps, so that clients can trust the next one before it is used.
type caRotateCmd struct {
	configFlag
	Activate bool `help:"Put the next one to use, which rotate has prepared and clients trust."`
}

// Run takes one of the steps.
func (c *caRotateCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	if !c.Activate {
		return prepare(s, config)
	}
	store, err := truststore.Open("")
	if err != nil {
		store = nil // then nobody can say what this machine trusts
	}
	return activate(s, config, store)
}

func prepare(s *streams, config *configs.Config) error {
	names, err := namesOf(config)
	if err != nil {
		return err
	}
	cert, err := authority.Rotate(config.Interception.CADirectory, names)
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(s.out, `Prepared the next certificate authority in %s; the current one stays in use:

%s
Next:
  branchpoint ca trust               has the programs of this machine trust both
  branchpoint ca export              writes both, for other machines
  branchpoint ca rotate --activate   puts this one to use, when all clients trust it
`, config.Interception.CADirectory, certificateTable(authority.Describe(cert)))
	return err
}

// activate refuses to leave this machine with a certificate that it does not trust, or with one that it trusts for ever.
func activate(s *streams, config *configs.Config, store *truststore.Store) error {
	report, err := reportOf(config, store)
	switch {
	case err != nil:
		return advised(err)
	case report.Next == nil:
		return advised(fmt.Errorf("%w in %s", authority.ErrNotPrepared, report.Directory))
	case is(report.Current.Trusted) && !is(report.Next.Trusted):
		return errors.New("this machine trusts the certificate authority in use and not the next one; branchpoint ca trust adds it")
	case report.Previous != nil && is(report.Previous.Trusted):
		return errors.New("this machine still trusts the certificate authority before the current one, " +
			"which would be forgotten; branchpoint ca untrust --previous removes it")
	}
	cert, err := authority.Activate(report.Directory)
	if err != nil {
		return advised(err)
	}
	fmt.Fprintf(s.out, "%s is in use once Branchpoint is started again or has reloaded its configuration.\n", short(cert))
	if len(report.UncoveredByNext) > 0 {
		fmt.Fprintf(s.out, "It does not cover %s, which the configuration has since named; branchpoint ca rotate prepares another one.\n",
			strings.Join(report.UncoveredByNext, ", "))
	}
	if is(report.Current.Trusted) {
		fmt.Fprintln(s.out, "When nothing uses the one before any more: branchpoint ca untrust --previous.")
	}
	return nil
}
