package atsite

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
)

// clientConfig is what every way to the site has in common.
func clientConfig(c *configs.Config, sts ccm.TokenSource) ccm.Config {
	s := c.Site
	return ccm.Config{
		SiteCode: s.Code, Host: cmp.Or(s.Host, netbiosName()),
		Message: ccm.MessageSettings{
			Hash: hashOf(s.Signature.Hash), Raw: s.Signature.Raw, ReplyCompression: s.Signature.ReplyCompression, UnnamedKey: s.Signature.UnnamedKey,
		},
		Authenticator:  authenticatorOf(s.Signature),
		CCMTokenHeader: carrierOf(s.CCMToken),
		Registration: ccm.RegistrationSettings{
			FQDN: cmp.Or(s.FQDN, fullName()), InternetFlag: s.Registration.InternetFlag, Properties: s.Registration.Properties,
			SignConfirmation: s.Registration.SignConfirmation,
		},
		Location: locationSettings(s.Locations), DPToken: tokenSettings(s.DPToken, sts),
	}
}

func locationSettings(l configs.Locations) ccm.LocationSettings {
	return ccm.LocationSettings{
		Attributes: l.Attributes, DeploymentFlags: uint64(l.DeploymentFlags), Unsigned: l.Unsigned,
		Localities: l.Localities, SiteLocalities: l.SiteLocalities, CloudTypes: l.CloudTypes,
	}
}

// tokenSettings says where the answers of a site have the token for distribution points. sts is for the CCM token as such a token,
// and nil where there is none.
func tokenSettings(t configs.DPToken, sts ccm.TokenSource) ccm.DPTokenSettings {
	return ccm.DPTokenSettings{
		Delivery: ccm.Delivery(t.Delivery), Paths: t.Paths, ExpiryPaths: t.ExpiryPaths, Body: t.Body, Decode: ccm.Decoding(t.Decode),
		MaxAge: time.Duration(t.MaxAge), STS: sts,
	}
}

func carrierOf(c configs.Carrier) ccm.Presentation {
	return ccm.Presentation{Header: c.Header, Format: c.Format}
}

func hashOf(name string) ccm.Hash {
	if name == "sha1" {
		return ccm.SHA1
	}
	return ccm.SHA256
}

func authenticatorOf(s configs.Signature) ccm.Authenticator {
	a := ccm.Authenticator{ID: ccm.Prefixed, Suffix: s.Suffix, WithoutOID: s.WithoutOID, Hash: hashOf(s.Hash)}
	if s.Authenticator != "none" {
		a.Form = ccm.AuthenticatorForm(s.Authenticator)
	}
	if s.IDForm == "braces" {
		a.ID = ccm.Braced
	}
	return a
}

// netbiosName is the name of this machine as old protocols have it: its first label, in upper case, of at most 15 characters.
func netbiosName() string {
	name, err := os.Hostname()
	if err != nil {
		return "BRANCHPOINT"
	}
	name, _, _ = strings.Cut(strings.ToUpper(name), ".")
	return name[:min(len(name), 15)]
}

// fullName is the name of this machine as far as the system knows it without asking anybody. Empty: it does not.
func fullName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return strings.ToLower(name)
}

// place says where this machine is, now: it may move.
func place(p configs.Place) func() ccm.Place {
	return func() ccm.Place {
		at := ccm.Place{ADSite: p.ADSite, Forest: p.Forest, Domain: p.Domain}
		for _, n := range p.Networks {
			at.Networks = append(at.Networks, n.Prefix)
		}
		if len(p.Networks) == 0 {
			at.Networks = ownNetworks()
		}
		return at
	}
}

// ownNetworks are the addresses of this machine that others may reach it by. Those that nobody tells are none.
func ownNetworks() (list []netip.Prefix) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().IsGlobalUnicast() {
			list = append(list, prefix)
		}
	}
	return list
}
