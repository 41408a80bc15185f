package upstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestNoDescriptors: a dial that fails for want of a descriptor waits for one, and blames nobody.
func TestNoDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(44, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 1000, nil)})
		short := 5
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			if short--; short >= 0 {
				return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
			}
			return n.dial(ctx, network, addr)
		}
		p := testPool(t, Config{Locations: lab("a"), Dial: dial})
		mustRead(t, p.Source(targetAt(t, p, "http://a:80", immutable)), nil, 0, 1000, data)
		if st := p.Status()[0]; st.Failures != 0 || st.LastError != "" {
			t.Errorf("the DP is blamed: %+v", st)
		}
	})
}

// countedConn is one of the open ones until it is closed.
type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// TestIdleConnections: as many as clients name hosts would be all the descriptors that there are.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hosts = maxIdle + 50
		data := randomBytes(49, 10)
		n := newMemoryNet(nil)
		var open atomic.Int64
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := n.dial(ctx, network, addr)
			open.Add(1)
			return &countedConn{Conn: conn, open: &open}, err
		}
		p := testPool(t, Config{Dial: dial})
		for i := range hosts {
			name := fmt.Sprintf("h%d:80", i)
			n.hosts[name] = &memoryHost{handler: serveFile(data, 10, nil)}
			mustRead(t, p.Source(targetAt(t, p, "http://"+name, immutable)), nil, 0, 10, data)
		}
		synctest.Wait()
		if got := open.Load(); got != maxIdle {
			t.Errorf("%d idle connections to %d hosts, want %d", got, hosts, maxIdle)
		}
	})
}
