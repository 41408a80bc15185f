package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Site is a Configuration Manager site with four DPs, maybe a cloud, a management point, a gateway and a tenant of Entra, and its
// "SMS Issuing" root. Everything in it may be used while it runs; nothing of it is to be replaced.
type Site struct {
	Library  *Library
	CA       *CA
	Tokens   *Tokens
	Counters *Counters // of all DPs together
	Log      *Log      // of all DPs together
	// Token is good for the token directories of the DPs with Enhanced HTTP, Account for Windows authentication.
	Token   Secret
	Account Account

	// First and Second have Enhanced HTTP: Windows authentication over http and https, tokens over https.
	First, Second *DP
	// Windows has http with Windows authentication, and no https.
	Windows *DP
	// Anonymous has http for everybody.
	Anonymous *DP

	// Cloud and Storage are nil unless they are configured.
	Cloud   *ContentService
	Storage *Storage

	// ManagementPoint is nil unless it is configured. CCMTokens are those that it takes: a token service issues them.
	ManagementPoint *ManagementPoint
	CCMTokens       *Tokens

	// Entra, TokenService, Gateway and GatewayStorage are nil unless they are configured.
	Entra          *Entra
	TokenService   *TokenService
	Gateway        *Gateway
	GatewayStorage *Storage
}

// StartSite makes a site and starts its DPs. Close ends it.
func StartSite(c SiteConfig) (*Site, error) {
	s := &Site{
		Library:  c.Library,
		Counters: NewCounters(),
		Log:      NewLog(c.LogTo),
		Account:  DemoAccount(),
	}
	var err error
	if s.Library == nil {
		if s.Library, err = DemoLibrary(256 << 20); err != nil {
			return nil, err
		}
	}
	if s.CA, err = NewCA(); err != nil {
		return nil, err
	}
	if s.Tokens, err = NewTokens(c.Tokens); err != nil {
		return nil, err
	}
	if s.CCMTokens, err = NewTokens(c.CCMTokens); err != nil {
		return nil, err
	}
	s.Token = s.Tokens.Issue(orDefault(c.TokenLife, 8*time.Hour))
	if err := s.make(c); err != nil {
		return nil, err
	}
	for _, o := range s.servers() {
		if err := o.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start the site: %w", err), s.Close())
		}
	}
	return s, nil
}

// make makes all servers, each after those that it knows.
func (s *Site) make(c SiteConfig) error {
	for _, part := range []struct {
		name   string
		wanted bool
		make   func(SiteConfig) error
	}{
		{"distribution points", true, s.makeDPs},
		{"cloud", c.Cloud != nil, s.makeCloud},
		{"tenant", c.Entra != nil, s.makeEntra},
		{"token service", c.Entra != nil || c.Gateway != nil, s.makeTokenService},
		{"management point", c.ManagementPoint != nil, s.makeManagementPoint},
		{"gateway", c.Gateway != nil, s.makeGateway},
	} {
		if !part.wanted {
			continue
		}
		if err := part.make(c); err != nil {
			return fmt.Errorf("make the site's %s: %w", part.name, err)
		}
	}
	return nil
}

func (s *Site) makeDPs(c SiteConfig) error {
	places, err := c.places()
	if err != nil {
		return err
	}
	enhanced := map[Vdir]Access{VdirPlain: AccessWindows, VdirNoCert: AccessWindows, VdirToken: AccessToken}
	for i, plan := range []struct {
		to     **DP
		name   string
		access map[Vdir]Access
	}{
		{&s.First, "DP1", enhanced},
		{&s.Second, "DP2", enhanced},
		{&s.Windows, "DP3", map[Vdir]Access{VdirPlain: AccessWindows}},
		{&s.Anonymous, "DP4", map[Vdir]Access{VdirPlain: AccessAnonymous}},
	} {
		config := DPConfig{
			Name: plan.name, Host: places[i].Host, Library: s.Library, CA: s.CA, Access: plan.access, HTTPAddr: places[i].HTTPAddr,
			Accounts: []Account{s.Account}, Tokens: s.Tokens, Counters: s.Counters, Log: s.Log, AnyAddress: c.AnyAddress,
		}
		if _, enhanced := plan.access[VdirToken]; enhanced {
			config.HTTPSAddr = places[i].HTTPSAddr
		}
		if c.Link != nil {
			if config.Link, err = NewLink(*c.Link); err != nil {
				return err
			}
		}
		if *plan.to, err = NewDP(config); err != nil {
			return err
		}
	}
	return nil
}

// DPs lists the four.
func (s *Site) DPs() []*DP { return []*DP{s.First, s.Second, s.Windows, s.Anonymous} }

// Locations is what a location reply would name for a content, by URL segment ("PS100010", "Content_<guid>.1"): for each
// DP its http URL, and for those with tokens that of the token directory too.
func (s *Site) Locations(segment string) []string {
	var urls []string
	for _, d := range s.DPs() {
		urls = append(urls, d.Location(VdirPlain, segment))
		if d.URL("https") != "" {
			urls = append(urls, d.Location(VdirToken, segment))
		}
	}
	return urls
}

// siteServer is a server that starts and ends with the site.
type siteServer interface {
	Start() error
	Close() error
}

func (s *Site) servers() []siteServer {
	var list []siteServer
	for _, d := range s.DPs() {
		list = append(list, d)
	}
	if s.Cloud != nil {
		list = append(list, s.Storage, s.Cloud)
	}
	if s.Entra != nil {
		list = append(list, s.Entra)
	}
	if s.ManagementPoint != nil {
		list = append(list, s.ManagementPoint)
	}
	if s.GatewayStorage != nil {
		list = append(list, s.GatewayStorage)
	}
	if s.Gateway != nil {
		list = append(list, s.Gateway)
	}
	return list
}

// Close ends all servers, and waits for them.
func (s *Site) Close() error {
	var errs []error
	if s.TokenService != nil {
		s.TokenService.Faults.Clear() // or requests that it holds up keep the management point waiting
	}
	for _, o := range slices.Backward(s.servers()) {
		errs = append(errs, o.Close())
	}
	if s.TokenService != nil {
		errs = append(errs, s.TokenService.Close())
	}
	return errors.Join(errs...)
}
