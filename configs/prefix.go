package configs

import (
	"fmt"
	"net/netip"
)

// Prefix is an address with the length of its network, written like 10.1.0.5/24.
type Prefix struct{ netip.Prefix }

// UnmarshalText reads an address with the length of its network.
func (p *Prefix) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address in a network; write it with a prefix length, such as 10.1.0.5/24", text)
	}
	p.Prefix = prefix
	return nil
}

// MarshalYAML writes it as it is read.
func (p Prefix) MarshalYAML() (any, error) { return p.String(), nil }
