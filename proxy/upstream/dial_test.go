package upstream

import (
	"context"
	"net"
	"net/http"
	"os"
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
