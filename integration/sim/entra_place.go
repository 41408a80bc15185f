package sim

import "cmp"

// EntraPlace is where the tenant of a site's machines is, and how it differs from others. The site fills in what is zero: its CA
// and log. Who is in it comes later: see Entra.Enroll and Entra.Register.
type EntraPlace struct {
	// Place is where it listens: for https as the tenant, for http as the metadata endpoints of Azure. Zero means free ports of
	// 127.0.0.1.
	Place Place
	// Config is the rest. Its addresses do not count.
	Config EntraConfig
}

func (s *Site) makeEntra(c SiteConfig) (err error) {
	config := c.Entra.Config
	config.Host = cmp.Or(config.Host, c.Entra.Place.Host)
	config.HTTPAddr = cmp.Or(c.Entra.Place.HTTPAddr, "127.0.0.1:0")
	config.HTTPSAddr = cmp.Or(c.Entra.Place.HTTPSAddr, "127.0.0.1:0")
	config.AnyAddress = config.AnyAddress || c.AnyAddress
	config.CA, config.Log = cmp.Or(config.CA, s.CA), cmp.Or(config.Log, s.Log)
	s.Entra, err = NewEntra(config)
	return err
}

// makeTokenService needs the tenant, if there is one.
func (s *Site) makeTokenService(c SiteConfig) (err error) {
	config := c.TokenService
	config.CCMTokens = cmp.Or(config.CCMTokens, s.CCMTokens)
	config.Entra = cmp.Or(config.Entra, s.Entra)
	s.TokenService, err = NewTokenService(config)
	return err
}
