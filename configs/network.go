package configs

import (
	"fmt"
	"net/netip"
)

// Network is a range of addresses, written like 10.1.0.0/16.
type Network struct{ netip.Prefix }

// UnmarshalText reads a network. Bits behind the prefix are refused: they show that something else was meant.
func (n *Network) UnmarshalText(text []byte) error {
	s := string(text)
	if addr, err := netip.ParseAddr(s); err == nil {
		return fmt.Errorf("%q is one address; write %s/%d for it alone", s, s, addr.BitLen())
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("%q is not a network; write an address and a prefix length, such as 10.1.0.0/16", s)
	}
	if prefix != prefix.Masked() {
		return fmt.Errorf("%q has bits behind its prefix; write %s", s, prefix.Masked())
	}
	n.Prefix = prefix
	return nil
}

// MarshalYAML writes the network as it is read.
func (n Network) MarshalYAML() (any, error) { return n.String(), nil }
