package proxy

import (
	"net"
	"net/netip"
	"sync"
)

// leastPerClient is how many connections one address may have where there are twice as many. A machine that downloads holds a
// handful, its services together some dozens; and an address may be a router or another proxy with a small office behind it.
const leastPerClient = 64

// perClient shares the connections of a listener between addresses. Without it one client that opens connections and says
// nothing keeps all others out.
type perClient struct {
	most int

	mu   sync.Mutex
	open map[netip.Addr]int // no zeros
}

// newPerClient gives each address a quarter of the listener's connections: who wants to keep the others out needs at least
// four addresses, and one large router may still bring a thousand clients through a listener of the usual size. On a small
// listener it gives leastPerClient, but never more than half: one address alone keeps nobody out.
func newPerClient(connections int) *perClient {
	share := min(max(connections/4, leastPerClient), connections/2)
	return &perClient{most: max(share, 1), open: map[netip.Addr]int{}}
}

// admit counts one more connection from an address. It reports false when there are too many; otherwise release must be
// called when the connection has ended, and may be called more than once. A kind of address that is not TCP's has no limit, and
// nil limits nobody.
func (p *perClient) admit(from net.Addr) (release func(), ok bool) {
	tcp, ok := from.(*net.TCPAddr)
	if p == nil || !ok {
		return func() {}, true
	}
	client := tcp.AddrPort().Addr().Unmap()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[client] >= p.most {
		return nil, false
	}
	p.open[client]++
	return sync.OnceFunc(func() { p.release(client) }), true
}

func (p *perClient) release(client netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[client]--; p.open[client] == 0 {
		delete(p.open, client)
	}
}
