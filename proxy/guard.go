package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ForbiddenError says that an address is never dialled, whatever name led to it.
type ForbiddenError struct{ Address netip.AddrPort }

func (e *ForbiddenError) Error() string {
	return "this address is never dialled: " + e.Address.String()
}

// Guard returns a dialer that refuses addresses that a proxy must not lead to: its own listeners, link-local and metadata
// addresses, multicast, and the unspecified address. The check is made on the address that is really dialled, after name
// resolution. own returns the addresses that the process listens on.
func Guard(timeout time.Duration, own func() []netip.AddrPort) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{
		Timeout: timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			addr, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("dialling: %w", err)
			}
			if forbidden(addr, own()) {
				return &ForbiddenError{addr}
			}
			return nil
		},
	}
	return dialer.DialContext
}

// metadata are the addresses of cloud metadata services that are not link-local.
var metadata = [...]netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// nat64 is the prefix behind which a translator reaches IPv4 addresses (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// plain returns the address that is meant, in its shortest form.
func plain(ip netip.Addr) netip.Addr {
	if ip = ip.Unmap().WithZone(""); nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

func forbidden(addr netip.AddrPort, own []netip.AddrPort) bool {
	ip := plain(addr.Addr())
	if ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || slices.Contains(metadata[:], ip) {
		return true
	}
	return slices.ContainsFunc(own, func(o netip.AddrPort) bool {
		return o.Port() == addr.Port() && (o.Addr().Unmap() == ip || o.Addr().IsUnspecified() && isLocal(ip))
	})
}

// isLocal tells whether an address is one of this machine's.
func isLocal(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // better refuse than loop
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == ip
	})
}
