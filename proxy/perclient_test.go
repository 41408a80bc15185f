package proxy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

func clientAt(address string) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), uint16(1+rand.IntN(65535))))
}

// TestPerClientShare: a quarter, or half of a small listener.
func TestPerClientShare(t *testing.T) {
	for connections, want := range map[int]int{4096: 1024, 400: 100, 256: 64, 128: 64, 100: 50, 64: 32, 3: 1, 2: 1, 1: 1} {
		p := newPerClient(connections)
		for i := range want {
			if _, ok := p.admit(clientAt("10.0.0.1")); !ok {
				t.Fatalf("of %d connections number %d was refused", connections, i+1)
			}
		}
		if _, ok := p.admit(clientAt("10.0.0.1")); ok {
			t.Errorf("of %d connections one address got more than %d", connections, want)
		}
		if _, ok := p.admit(clientAt("10.0.0.2")); !ok {
			t.Errorf("of %d connections none is left for another address", connections)
		}
	}
}

// TestPerClientAddresses: what counts is the machine, not how its address is written.
func TestPerClientAddresses(t *testing.T) {
	for _, tt := range []struct {
		one, two string
		same     bool
	}{
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"fd00::1", "fd00::1", true},
		{"fd00::1", "fd00::2", false},
		{"fe80::1%1", "fe80::1%2", false}, // two links, two machines
	} {
		p := newPerClient(2 * leastPerClient)
		for range leastPerClient {
			p.admit(clientAt(tt.one))
		}
		if _, ok := p.admit(clientAt(tt.two)); ok == tt.same {
			t.Errorf("%s fills the share of %s: %v, want %v", tt.one, tt.two, !ok, tt.same)
		}
	}
	p := newPerClient(2 * leastPerClient)
	for range 10 * leastPerClient {
		if _, ok := p.admit(&net.UnixAddr{Name: "x"}); !ok {
			t.Fatal("an address that is not of TCP was refused")
		}
	}
}

// TestPerClientModel compares random arrivals and departures with a list of who is there.
func TestPerClientModel(t *testing.T) {
	type guest struct {
		address string
		release func()
	}
	p, random := newPerClient(2*leastPerClient), rand.New(rand.NewPCG(3, 5))
	var there []guest
	count := func(address string) (n int) {
		for _, g := range there {
			if g.address == address {
				n++
			}
		}
		return n
	}
	refused := 0
	for range 20_000 {
		if len(there) > 0 && random.IntN(100) < 48 {
			i := random.IntN(len(there))
			there[i].release()
			there[i].release() // once more means nothing
			there = append(there[:i], there[i+1:]...)
			continue
		}
		address := fmt.Sprintf("10.0.0.%d", random.IntN(3))
		want := count(address) < leastPerClient
		release, ok := p.admit(clientAt(address))
		if ok != want {
			t.Fatalf("%d connections of %s are open, and one more is admitted: %v", count(address), address, ok)
		}
		if ok {
			there = append(there, guest{address, release})
		} else {
			refused++
		}
	}
	for _, g := range there {
		g.release()
	}
	if len(p.open) != 0 || refused == 0 {
		t.Errorf("%v is still counted; %d were refused", p.open, refused)
	}
}

// TestPerClientAtOnce: never more than the share is open, however many come together.
func TestPerClientAtOnce(t *testing.T) {
	p := newPerClient(2 * leastPerClient)
	var open atomic.Int64
	var clients sync.WaitGroup
	for range 4 * leastPerClient {
		clients.Go(func() {
			for range 20 {
				if release, ok := p.admit(clientAt("10.0.0.1")); ok {
					if n := open.Add(1); n > leastPerClient {
						t.Errorf("%d are open", n)
					}
					open.Add(-1)
					release()
				}
			}
		})
	}
	clients.Wait()
	if len(p.open) != 0 {
		t.Errorf("%v is still counted", p.open)
	}
}
