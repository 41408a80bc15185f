package authority

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// subject is what one certificate is for: a host name in lower case without a dot at its end, or else an address. Two
// spellings of one host are one subject.
type subject struct {
	domain  string
	address netip.Addr
}

// parseSubject reads a host name or an IP address, which may be in brackets when it is one of IPv6.
func parseSubject(name string) (subject, error) {
	if address, ok := parseAddress(name); ok {
		if address.Zone() != "" {
			return subject{}, fmt.Errorf("%.256q has a zone, which means something on one machine only", name)
		}
		return subject{address: address.Unmap()}, nil
	}
	domain := strings.TrimSuffix(name, ".")
	if !isDomain(domain) {
		return subject{}, fmt.Errorf("%.256q is not a host name or an IP address", name)
	}
	return subject{domain: strings.ToLower(domain)}, nil
}

func parseAddress(text string) (netip.Addr, bool) {
	inside, bracket := strings.CutPrefix(text, "[")
	if bracket {
		var closed bool
		if inside, closed = strings.CutSuffix(inside, "]"); !closed {
			return netip.Addr{}, false
		}
	}
	address, err := netip.ParseAddr(inside)
	return address, err == nil && (!bracket || address.Is6())
}

// isDomain recognizes what verifiers take for a host name: letters, digits, hyphens, and underscores, which sites do use.
// A name that ends in a number is a damaged address (WHATWG URL, "ends in a number").
func isDomain(name string) bool {
	if len(name) > 253 {
		return false
	}
	last := ""
	for last = range strings.SplitSeq(name, ".") {
		if last == "" || len(last) > 63 || last[0] == '-' || strings.ContainsFunc(last, notInName) {
			return false
		}
	}
	return strings.Trim(last, "0123456789") != ""
}

func notInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

func (s subject) String() string {
	if s.address.IsValid() {
		return s.address.String()
	}
	return s.domain
}

// alternative writes the subject into the template of a certificate.
func (s subject) alternative(template *x509.Certificate) {
	if s.address.IsValid() {
		template.IPAddresses = []net.IP{s.address.AsSlice()}
	} else {
		template.DNSNames = []string{s.domain}
	}
}
