//go:build !linux

package proxy

import (
	"errors"
	"net"
	"net/netip"
)

// originalDestination is for Linux, whose firewall tells where a redirected connection was to go.
func originalDestination(*net.TCPConn) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.New("original destination: only Linux tells")
}
