package main

import (
	"encoding/json"
	"fmt"

	"branchpoint/cmd/internal/atsite"
	"branchpoint/tokenbroker/identity"
)

// identityShowCmd tells of the identity.
type identityShowCmd struct {
	configFlag
	JSON bool `name:"json" help:"Print it for programs."`
}

// Run prints what is known here; the site is not asked.
func (c *identityShowCmd) Run(s *streams) error {
	config, err := c.loadSite()
	if err != nil {
		return err
	}
	who, err := identity.Load(atsite.IdentityConfig(config))
	if err != nil {
		return identityAdvised(err)
	}
	d := who.Describe()
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d)
	}
	_, err = fmt.Fprint(s.out, identityTable(d), registrationAdvice(d))
	return err
}
