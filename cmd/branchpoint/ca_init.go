package main

import (
	"fmt"

	"branchpoint/proxy/authority"
)

// caInitCmd makes the authority.
type caInitCmd struct{ configFlag }

// Run makes it, and says what to do with it.
func (c *caInitCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	names, err := namesOf(config)
	if err != nil {
		return err
	}
	dir := config.Interception.CADirectory
	cert, err := authority.Create(dir, names)
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(s.out, `Made a certificate authority in %s:

%s
Who trusts it trusts it for these names only. Next:
  branchpoint ca trust    has the programs of this machine trust it
  branchpoint ca export   writes the certificate, for other machines
Once Branchpoint is started again or has reloaded its configuration, it sees into HTTPS to these names.
`, dir, certificateTable(authority.Describe(cert)))
	return err
}
