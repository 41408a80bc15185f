package integration

import (
	"net/netip"
	"syscall"
	"testing"
)

// keepPort has nobody else get a port, where nobody listens, until what it returns is called: a server that is dead for a minute could
// not come back otherwise.
func keepPort(t testing.TB, address string) (leave func()) {
	t.Helper()
	at, err := netip.ParseAddrPort(address)
	must(t, err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Logf("%s cannot be kept: %v", address, err) // a connection lingers there, which keeps it too
	}
	return func() { _ = syscall.Close(fd) }
}
