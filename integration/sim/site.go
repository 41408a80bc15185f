package sim

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// SiteConfig says how the demonstration site differs from its defaults.
type SiteConfig struct {
	// Library of all DPs. Nil means DemoLibrary(256 << 20).
	Library *Library
	// Host in the URLs of the DPs. Empty means "127.0.0.1".
	Host string
	// BasePort is the first of the six ports that the site uses, in the order of Site.DPs, http before https. Zero means any
	// six free ones.
	BasePort int
	// Places are those of the DPs in the order of Site.DPs, instead of Host and BasePort. Nil means ports of 127.0.0.1.
	Places []Place
	// Cloud adds a content service with its storage. Nil means none.
	Cloud *CloudPlace
	// ManagementPoint adds one. Nil means none.
	ManagementPoint *MPPlace
	// CCMTokens says how CCM tokens are shown and refused.
	CCMTokens TokensConfig
	// AnyAddress is for Places in network namespaces of a test; see DPConfig.
	AnyAddress bool
	// Tokens says how tokens are shown and refused.
	Tokens TokensConfig
	// TokenLife is how long the site's first token is good. Zero means 8 hours.
	TokenLife time.Duration
	// Link puts every DP behind a link of its own. Nil means none.
	Link *LinkConfig
	// LogTo receives the W3C log of all DPs. Nil keeps it in memory only.
	LogTo io.Writer
}

// Site is a Configuration Manager site with four DPs, maybe a cloud, and its "SMS Issuing" root. Everything in it may be used while it
// runs; nothing of it is to be replaced.
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
	if err := s.makeDPs(c); err != nil {
		return nil, fmt.Errorf("make the site: %w", err)
	}
	if c.Cloud != nil {
		if err := s.makeCloud(c); err != nil {
			return nil, fmt.Errorf("make the site's cloud: %w", err)
		}
	}
	if c.ManagementPoint != nil {
		if err := s.makeManagementPoint(c); err != nil {
			return nil, fmt.Errorf("make the site's management point: %w", err)
		}
	}
	for _, o := range s.origins() {
		if err := o.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start the site: %w", err), s.Close())
		}
	}
	return s, nil
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

func (s *Site) origins() []*origin {
	var list []*origin
	for _, d := range s.DPs() {
		list = append(list, d.origin)
	}
	if s.Cloud != nil {
		list = append(list, s.Storage.origin, s.Cloud.origin)
	}
	if s.ManagementPoint != nil {
		list = append(list, s.ManagementPoint.origin)
	}
	return list
}

// Close ends all servers, and waits for them.
func (s *Site) Close() error {
	var errs []error
	for _, o := range s.origins() {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}
