package integration

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestLeftOpen: 200 tunnels that fall silent and 200 TLS handshakes that stop in the middle, by CONNECT and at a gateway, are
// gone after their timeouts, and the program is as it was.
func TestLeftOpen(t *testing.T) {
	t.Parallel()
	const many, idle, handshake = 200, 10 * time.Second, 10 * time.Second // enough for all of them to begin
	lib, f := library(t, 1000)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var echoes sync.WaitGroup
	echoes.Go(func() { each(echo)(ln) })
	t.Cleanup(func() { ln.Close(); echoes.Wait() })
	_, port, err := net.SplitHostPort(ln.Addr().String())
	must(t, err)
	r := prepareRig(t, interceptWay, fmt.Sprintf("tunnel_idle_timeout: %v\n", idle), sim.DPConfig{Name: "dp1", Library: lib})
	r.rewrite(t, "connect_ports: [", "connect_ports: ["+port+", ")
	r.start(r.command())
	elsewhere, dp := "localhost:"+port, r.dps[0].Address("https")
	gateway := r.places[alias(r.dps[0])+":443"]

	client := r.client() // what is there once and stays is not counted: the DP's own connections, the admin's
	_, err = download(t.Context(), client, r.url(r.dps[0], app+".1", f.Path), f, 0, -1)
	must(t, err)
	client.CloseIdleConnections()
	kinds := []struct {
		name  string
		begin func() (net.Conn, error)
		limit time.Duration
	}{
		{"silent tunnels", func() (net.Conn, error) { return r.tunnelTo(elsewhere, "hello") }, idle},
		{"handshakes in a tunnel", func() (net.Conn, error) { return r.tunnelTo(dp, "") }, handshake},
		{"handshakes at a gateway", func() (net.Conn, error) { return net.Dial("tcp", gateway) }, handshake},
	}
	for _, kind := range kinds {
		conn, err := kind.begin()
		must(t, err)
		conn.Close()
	}
	goroutines, files := r.settled(t)

	var wg sync.WaitGroup
	for _, kind := range kinds {
		for i := range many {
			wg.Go(func() {
				if err := leftOpen(kind.begin, kind.limit, i); err != nil {
					t.Errorf("%s, %d: %v", kind.name, i, err)
				}
			})
		}
	}
	most := 0
	eventually(t, 20*time.Second, "all are open", func() bool { most = max(most, r.descriptors(t)); return most >= files+4*many })
	wg.Wait()
	r.expectBack(t, "go_goroutines", float64(goroutines))
	eventually(t, 20*time.Second, "the descriptors are free again", func() bool { return r.descriptors(t) <= files })
	t.Logf("%d silent tunnels and %d half-open handshakes: %d descriptors at once; goroutines are %d again, descriptors %d",
		many, 2*many, most, goroutines, files)
}

// settled returns the numbers of goroutines and descriptors when they have not become fewer for a while. Who counts goroutines has
// some of its own, now more and now fewer: the usual number is what counts.
func (b *box) settled(t *testing.T) (goroutines, files int) {
	t.Helper()
	const lately = 15
	var counts []int
	var since time.Time
	goroutines, files = math.MaxInt, math.MaxInt
	eventually(t, 20*time.Second, "the program is at rest", func() bool {
		counts = append(counts, int(b.metric("go_goroutines")))
		if len(counts) < lately {
			return false
		}
		last := slices.Sorted(slices.Values(counts[len(counts)-lately:]))
		if g, f := last[lately/2], b.descriptors(t); g < goroutines || f < files {
			goroutines, files, since = min(g, goroutines), min(f, files), time.Now()
		}
		return time.Since(since) > time.Second
	})
	return goroutines, files
}

// descriptors is how many the program has open.
func (b *box) descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.cmd.Process.Pid))
	must(t, err)
	return len(list)
}

// tunnelTo asks for a tunnel. What is said must come back.
func (b *box) tunnelTo(host, say string) (net.Conn, error) {
	conn, err := net.Dial("tcp", b.proxy.Host)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n%s", host, say)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("CONNECT %s: %s", host, resp.Status)
	}
	if back := make([]byte, len(say)); err == nil {
		_, err = io.ReadFull(in, back)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// leftOpen begins with a connection and waits for the program to end it: not before its time, and soon after it. Half of those
// that are to begin with TLS do so.
func leftOpen(begin func() (net.Conn, error), limit time.Duration, i int) error {
	conn, err := begin()
	if err != nil {
		return err
	}
	defer conn.Close()
	start := time.Now()
	if i%2 == 1 && limit > 5*time.Second {
		io.WriteString(conn, "\x16\x03\x01\x02\x00\x01\x00") // a ClientHello of 512 bytes begins
	}
	if err := conn.SetDeadline(start.Add(limit + 10*time.Second)); err != nil {
		return err
	}
	for err == nil {
		_, err = conn.Read(make([]byte, 100))
	}
	if took := time.Since(start); took < limit*8/10 || took > limit+5*time.Second {
		return fmt.Errorf("it ended after %v with %v, want %v", took, err, limit)
	}
	return nil
}
