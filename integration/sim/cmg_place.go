package sim

import (
	"cmp"
	"errors"
)

// GatewayPlace is where the gateway of a site is, and how it differs from others. The site fills in what is zero: the name "CMG1",
// its CA, log, CCM tokens and tenant, and its management point as DefaultBehind.
type GatewayPlace struct {
	// Place is where it listens; its http address does not count. Zero means a free port of 127.0.0.1.
	Place Place
	// Storage is where the blobs of a content-enabled gateway are, in the same way.
	Storage Place
	// Config is the rest. Its address does not count. A Content without a storage gets one of its own, which holds the site's
	// library, and the management point names it among its sources, unless those are configured.
	Config GatewayConfig
}

// makeGateway needs the management point.
func (s *Site) makeGateway(c SiteConfig) (err error) {
	if s.ManagementPoint == nil {
		return errors.New("it needs a management point")
	}
	config := c.Gateway.Config
	config.Name = cmp.Or(config.Name, "CMG1")
	config.Host = cmp.Or(config.Host, c.Gateway.Place.Host)
	config.Addr = cmp.Or(c.Gateway.Place.HTTPSAddr, "127.0.0.1:0")
	config.AnyAddress = config.AnyAddress || c.AnyAddress
	config.CA, config.Log = cmp.Or(config.CA, s.CA), cmp.Or(config.Log, s.Log)
	config.CCMTokens = cmp.Or(config.CCMTokens, s.CCMTokens)
	if config.ManagementPoints == nil {
		config.ManagementPoints = map[uint64]BehindGateway{DefaultBehind: s.ManagementPoint}
	}
	if s.Entra != nil {
		config.Tenant = cmp.Or(config.Tenant, s.Entra.Tenant())
	}
	if c.Link != nil && config.Link == nil {
		if config.Link, err = NewLink(*c.Link); err != nil {
			return err
		}
	}
	if config.Content != nil {
		content := *config.Content
		if err := s.completeContent(c, &content); err != nil {
			return err
		}
		config.Content = &content
	}
	if s.Gateway, err = NewGateway(config); err != nil {
		return err
	}
	return s.nameGateway(c)
}

// completeContent gives the content of the gateway what is the site's.
func (s *Site) completeContent(c SiteConfig, content *ContentServiceConfig) (err error) {
	content.Counters, content.Log = cmp.Or(content.Counters, s.Counters), cmp.Or(content.Log, s.Log)
	if content.Storage != nil {
		return nil
	}
	storage := StorageConfig{
		Name: "CMG1-storage", Host: c.Gateway.Storage.Host, Addr: c.Gateway.Storage.HTTPSAddr, AnyAddress: c.AnyAddress, Library: s.Library,
		CA: s.CA, Counters: s.Counters, Log: s.Log,
	}
	if c.Link != nil {
		if storage.Link, err = NewLink(*c.Link); err != nil {
			return err
		}
	}
	s.GatewayStorage, err = NewStorage(storage)
	content.Storage = s.GatewayStorage
	return err
}

// nameGateway lets the management point name the content of the gateway.
func (s *Site) nameGateway(c SiteConfig) error {
	if s.Gateway.Content == nil || c.ManagementPoint.Config.Sources != nil {
		return nil
	}
	return s.ManagementPoint.Change(func(set *MPSettings) { set.Sources = append(set.Sources, Source{Cloud: s.Gateway.Content}) })
}
