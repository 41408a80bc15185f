package authority

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Names are the names that an authority may speak for. The zero Names covers none.
type Names struct {
	domains   []string     // in lower case, sorted, none below another; each stands for itself and for all below it
	addresses []netip.Addr // sorted, without zones, IPv4 in its short form
}

// nowhere is a domain that never exists (RFC 6761). It stands in a certificate in which no DNS name is permitted: a
// certificate that lists no DNS name at all permits them all.
const nowhere = "invalid"

// ParseNames reads host names, IP addresses, and suffixes such as "*.example.com". A name that no certificate should be
// made for is an error, which tells of every such name: one that is malformed, and one that is as wide as "com".
//
// X.509 constraints always include what is below a name (RFC 5280, 4.2.1.10): "dp1.example.com" also permits
// "x.dp1.example.com", and "*.example.com" is the same as "example.com".
func ParseNames(list []string) (Names, error) {
	var n Names
	var problems []error
	for _, text := range list {
		s, err := parsePattern(text)
		switch {
		case err != nil:
			problems = append(problems, err)
		case s.address.IsValid():
			n.addresses = append(n.addresses, s.address)
		default:
			n.domains = append(n.domains, s.domain)
		}
	}
	if len(problems) > 0 {
		return Names{}, errors.Join(problems...)
	}
	return n.tidied(), nil
}

// namesOf reads back what constrain wrote.
func namesOf(cert *x509.Certificate) Names {
	var n Names
	if !slices.Equal(cert.PermittedDNSDomains, []string{nowhere}) {
		n.domains = slices.Clone(cert.PermittedDNSDomains)
	}
	for _, network := range cert.PermittedIPRanges {
		if address, ok := netip.AddrFromSlice(network.IP); ok {
			n.addresses = append(n.addresses, address)
		}
	}
	return n.tidied()
}

func (n Names) tidied() Names {
	slices.SortFunc(n.addresses, netip.Addr.Compare)
	n.addresses = slices.Compact(n.addresses)
	slices.Sort(n.domains)
	n.domains = slices.Compact(n.domains)
	all := slices.Clone(n.domains)
	n.domains = slices.DeleteFunc(n.domains, func(name string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != name && within(name, other) })
	})
	return n
}

// constrain writes the names into the template of an authority, so that verifiers accept these and no other.
func (n Names) constrain(template *x509.Certificate) {
	template.PermittedDNSDomainsCritical = true // it covers the whole extension, addresses included
	template.PermittedDNSDomains = n.domains
	if len(n.domains) == 0 {
		template.PermittedDNSDomains = []string{nowhere}
	}
	for _, address := range n.addresses {
		template.PermittedIPRanges = append(template.PermittedIPRanges, single(address))
	}
	for _, all := range families() {
		if !slices.ContainsFunc(template.PermittedIPRanges, func(p *net.IPNet) bool { return len(p.IP) == len(all.IP) }) {
			template.ExcludedIPRanges = append(template.ExcludedIPRanges, all)
		}
	}
}

// families are all addresses of IPv4, and all of IPv6. One family is not constrained by addresses of the other.
func families() []*net.IPNet {
	var all []*net.IPNet
	for _, size := range []int{net.IPv4len, net.IPv6len} {
		all = append(all, &net.IPNet{IP: make(net.IP, size), Mask: make(net.IPMask, size)})
	}
	return all
}

func single(address netip.Addr) *net.IPNet {
	return &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(address.BitLen(), address.BitLen())}
}

// Covers tells whether a certificate for a host name or an IP address would be accepted by who trusts the authority. A
// name that cannot be a host's is not covered.
func (n Names) Covers(name string) bool {
	s, err := parseSubject(name)
	return err == nil && n.covers(s)
}

func (n Names) covers(s subject) bool {
	if s.address.IsValid() {
		return slices.Contains(n.addresses, s.address)
	}
	return slices.ContainsFunc(n.domains, func(domain string) bool { return within(s.domain, domain) })
}

// Missing returns those of a list of names, written as for ParseNames, that are not covered, in their order.
func (n Names) Missing(list []string) (missing []string) {
	for _, text := range list {
		if s, err := parsePattern(text); err != nil || !n.covers(s) {
			missing = append(missing, text)
		}
	}
	return missing
}

// Strings returns the names sorted, the domains first.
func (n Names) Strings() []string {
	list := slices.Clone(n.domains)
	for _, address := range n.addresses {
		list = append(list, address.String())
	}
	return list
}

func (n Names) empty() bool { return len(n.domains)+len(n.addresses) == 0 }

// within tells whether a name is a domain or below it.
func within(name, domain string) bool {
	rest, ok := strings.CutSuffix(name, domain)
	return ok && (rest == "" || strings.HasSuffix(rest, "."))
}

// parsePattern reads one of the names of an authority.
func parsePattern(text string) (subject, error) {
	suffix, wild := strings.CutPrefix(text, "*.")
	s, err := parseSubject(suffix)
	if err != nil {
		return subject{}, err
	}
	if s.address.IsValid() {
		if wild {
			return subject{}, fmt.Errorf("%q is not a name: nothing is below an address", text)
		}
		return s, nil
	}
	// The list knows the suffixes of registries and of clouds, blob.core.windows.net among them. What it does not know has one
	// label: it is a short name of the site.
	public, official := publicsuffix.PublicSuffix(s.domain)
	if public == s.domain && (official || strings.Contains(public, ".")) || s.domain == nowhere || holdsStorage(s.domain) {
		return subject{}, fmt.Errorf("%q is too wide: names of strangers end in it; write a longer name, such as that of your storage account", text)
	}
	return s, nil
}

// holdsStorage tells whether the blob storage of everybody in a cloud is at a domain or below it. What is above such a suffix is
// on no list, and neither are those of some clouds. (Microsoft: "Storage account endpoints", "Compare Azure Government and global
// Azure", "Azure China developer guide".)
func holdsStorage(domain string) bool {
	return slices.ContainsFunc([]string{"blob.core.windows.net", "blob.core.usgovcloudapi.net", "blob.core.chinacloudapi.cn"},
		func(storage string) bool { return within(storage, domain) })
}
