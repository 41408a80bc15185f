package sim

import (
	"cmp"
	"crypto/rand"
)

// MPPlace is where the management point of a site is, and how it differs from others. The site fills in what is zero: the
// name "MP1", its library, CA, log, CCM tokens and token service, a secret of the connector, and as sources all of its DPs, then its
// cloud, then the content of its gateway.
type MPPlace struct {
	// Place is where it listens. Zero means free ports of 127.0.0.1, for http and https.
	Place Place
	// HTTPOnly leaves https out.
	HTTPOnly bool
	// Machines are those whose accounts may log in, beside DemoAccount.
	Machines []Machine
	// Config is the rest. Its addresses do not count.
	Config ManagementPointConfig
}

// makeManagementPoint needs all that is to be a source.
func (s *Site) makeManagementPoint(c SiteConfig) (err error) {
	config := c.ManagementPoint.Config
	config.Name = cmp.Or(config.Name, "MP1")
	config.Host = cmp.Or(config.Host, c.ManagementPoint.Place.Host, c.Host)
	config.HTTPAddr = cmp.Or(c.ManagementPoint.Place.HTTPAddr, "127.0.0.1:0")
	config.HTTPSAddr = cmp.Or(c.ManagementPoint.Place.HTTPSAddr, "127.0.0.1:0")
	if c.ManagementPoint.HTTPOnly {
		config.HTTPSAddr = ""
	}
	config.AnyAddress = config.AnyAddress || c.AnyAddress
	config.CA, config.Log = cmp.Or(config.CA, s.CA), cmp.Or(config.Log, s.Log)
	config.Library, config.CCMTokens = cmp.Or(config.Library, s.Library), cmp.Or(config.CCMTokens, s.CCMTokens)
	if config.TokenService == nil && s.TokenService != nil {
		config.TokenService = s.TokenService
	}
	if config.Connector.Empty() {
		config.Connector = NewSecret(rand.Text())
	}
	config.Accounts = append(config.Accounts[:len(config.Accounts):len(config.Accounts)], s.Account)
	for _, m := range c.ManagementPoint.Machines {
		if m.Account.Name != "" {
			config.Accounts = append(config.Accounts, m.Account)
		}
	}
	if config.Sources == nil {
		for _, d := range s.DPs() {
			config.Sources = append(config.Sources, Source{DP: d})
		}
		if s.Cloud != nil {
			config.Sources = append(config.Sources, Source{Cloud: s.Cloud})
		}
	}
	if c.Link != nil && config.Link == nil {
		if config.Link, err = NewLink(*c.Link); err != nil {
			return err
		}
	}
	s.ManagementPoint, err = NewManagementPoint(config)
	return err
}
