package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// originalDestination returns the address that a client meant before it was redirected to us (nftables "redirect"). For a
// client that was not redirected that is our own address, or an error when the kernel keeps no account of connections.
func originalDestination(conn *net.TCPConn) (netip.AddrPort, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("asking for the original destination: %w", err)
	}
	ask := original6
	if local, ok := conn.LocalAddr().(*net.TCPAddr); ok && local.IP.To4() != nil { // also when a socket for both families accepted it
		ask = original4
	}
	var to netip.AddrPort
	var answer error
	err = raw.Control(func(fd uintptr) { to, answer = ask(int(fd)) })
	if err = errors.Join(err, answer); err != nil {
		return netip.AddrPort{}, fmt.Errorf("asking for the original destination: %w", err)
	}
	return to, nil
}

// original4 asks for SO_ORIGINAL_DST (linux/netfilter_ipv4.h), a sockaddr_in. It is read into a structure of x/sys that is
// large enough and has the bytes in the same order: family, port, address.
func original4(fd int) (netip.AddrPort, error) {
	answer, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b := answer.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
}

// original6 asks for IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h), a sockaddr_in6. It has the same number.
func original6(fd int) (netip.AddrPort, error) {
	answer, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var port [2]byte // in the order of the network, whatever the machine's is
	binary.NativeEndian.PutUint16(port[:], answer.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(answer.Addr.Addr).Unmap(), binary.BigEndian.Uint16(port[:])), nil
}
