package assembly

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"branchpoint/configs"
	"branchpoint/proxy"
)

// guard dials for everybody: see proxy.Guard. Its time limit may be changed.
type guard struct {
	own    func() []netip.AddrPort
	dialer atomic.Pointer[func(ctx context.Context, network, address string) (net.Conn, error)]
}

func newGuard(own func() []netip.AddrPort, timeout configs.Duration) *guard {
	g := &guard{own: own}
	g.limit(timeout)
	return g
}

// limit says how long a connection may take from now on.
func (g *guard) limit(timeout configs.Duration) {
	dial := proxy.Guard(time.Duration(timeout), g.own)
	g.dialer.Store(&dial)
}

func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (*g.dialer.Load())(ctx, network, address)
}
