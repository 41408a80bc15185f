package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
)

// count returns a counter of the site, summed over its labels.
func (s *site) count(name string) (sum float64) {
	families, err := s.metrics.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// TestPanicsEndTheirRequestOnly: a hundred of them, before the first byte.
func TestPanicsEndTheirRequestOnly(t *testing.T) {
	const secret = "s3cret-in-a-panic"
	s := newSite(t, options{origins: withSource(func(t content.Target) cache.Source {
		if strings.HasPrefix(t.ID.Path, "bad") {
			panic(secret)
		}
		return pattern(1 << 20)
	})})
	var wg sync.WaitGroup
	for i := range 100 {
		c := s.raw()
		wg.Go(func() {
			bad := c.as("", fmt.Sprintf("%sbad%d", versioned, i))
			if bad.StatusCode != 500 || string(bad.body) != "Branchpoint: internal error.\n" {
				t.Errorf("status %d, %q, %v", bad.StatusCode, bad.body, bad.err)
			}
		})
		good := s.raw()
		wg.Go(func() {
			if got := good.as("", versioned+"good"); len(got.body) != 1<<20 || got.err != nil {
				t.Errorf("a good request got %d bytes, %v", len(got.body), got.err)
			}
		})
	}
	wg.Wait()
	if got := s.count("branchpoint_request_panics_total"); got != 100 {
		t.Errorf("%v panics were counted, want 100", got)
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("the value of a panic is in the log")
	}
	s.stop()
	if got := s.count("branchpoint_requests_active"); got != 0 {
		t.Errorf("%v requests are active in the end", got)
	}
}

// TestClientsThatLeave: the download goes on for the others, and nobody is alarmed.
func TestClientsThatLeave(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(8 << 20)
	s.start("dp1:80", dp)
	for range 20 {
		c := s.raw().send("GET %sa HTTP/1.1\r\nHost: x\r\n\r\n", versioned)
		c.r.Peek(1000)
		c.SetLinger(0)
		c.Close()
	}
	wantBody(t, s.ask(s.client(), "GET", versioned+"a"), dp.data)
	s.stop()
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Errorf("an error is logged:\n%s", s.log)
	}
}

// TestCollapsed: one cold download for many clients, and each is told its own part.
func TestCollapsed(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(4 << 20)
	s.start("dp1:80", dp)
	release, begun := make(chan bool), make(chan bool, 100)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-release
		dp.file(w, r)
	})
	statuses := make(chan string, 10)
	ask := func() {
		got := s.raw().as("", versioned+"a")
		if len(got.body) != len(dp.data) {
			t.Errorf("%d bytes, %v", len(got.body), got.err)
		}
		statuses <- got.Header.Get("Cache-Status")
	}
	var wg sync.WaitGroup
	wg.Go(ask)
	<-begun
	for range 9 {
		wg.Go(ask)
	}
	close(release)
	wg.Wait()
	close(statuses)
	got := map[string]int{}
	for status := range statuses {
		got[status]++
	}
	if got["Branchpoint; fwd=miss; stored"] != 1 || got["Branchpoint; fwd=miss; stored"]+got["Branchpoint; fwd=miss; collapsed"]+got["Branchpoint; hit"] != 10 {
		t.Errorf("Cache-Status: %v", got)
	}
}

// TestMaxConnections: when all are busy, one more client waits until another leaves.
func TestMaxConnections(t *testing.T) {
	s := newSite(t, options{listener: proxy.Listener{Entitlement: proxy.Machine, MaxConnections: 2}})
	s.start("dp1:80", newDP(10))
	s.rawServer("dp1:443", func(c net.Conn) { io.Copy(io.Discard, c) })
	var busy []*raw
	for range 2 {
		c := s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n")
		wantTunnel(t, c)
		busy = append(busy, c)
	}
	three := s.raw().send("GET %sa HTTP/1.1\r\nHost: x\r\n\r\n", versioned)
	if n := three.buffered(); n != 0 {
		t.Errorf("%d bytes came to the third", n)
	}
	busy[1].Close()
	wantStatus(t, three.answer("GET"), 200)
}

// buffered looks whether something has come, without waiting for it.
func (c *raw) buffered() int {
	c.SetReadDeadline(time.Now())
	c.r.Peek(1)
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	return c.r.Buffered()
}

// TestNothingIsLeft counts goroutines and descriptors before and after a busy life.
func TestNothingIsLeft(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles()
	t.Run("life", func(t *testing.T) {
		s := newTrusting(t, options{drain: 100 * time.Millisecond})
		d := startWindowsDP(s.site, "dp2:80")
		s.startTLS("a.in:443", newDP(1<<20), nil)
		s.startTLS("b.in:443", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), nil)
		s.start("dp1:80", newDP(1<<20))
		s.rawServer("dp3:443", func(c net.Conn) {
			// Not io.Copy of two TCP connections: its pipes stay open for the next one.
			io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
		})
		s.start("hang:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}))
		for i := range 10 {
			wantStatus(t, s.raw().as("", fmt.Sprintf("%sf%d", versioned, i)), 200)
			s.must(s.raw().login(fmt.Sprint(i), "http://dp2/x"))
			wantTunnel(t, s.raw().send("CONNECT dp3:443 HTTP/1.1\r\nHost: x\r\n\r\n"))
			wantStatus(t, s.seenInto("a.in:443").send("GET %s%d HTTP/1.1\r\nHost: a.in\r\n\r\n", tokenFile, i).answer("GET"), 200)
			s.seenInto("b.in:443").send("GET /x HTTP/1.1\r\nHost: b.in\r\n\r\n")
			s.seenInto("a.in:443")
			s.connect("a.in:443").send("\x16\x03\x01")
			s.connect("a.in:443").send("no TLS")
			s.connect("a.in:443")
			s.raw().send("GET http://hang/x HTTP/1.1\r\nHost: x\r\n\r\n")
			s.raw().send("POST http://hang/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
			s.raw().send("GET %sg%d HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9,20-29,40-49\r\n\r\n", versioned, i)
			s.raw()
		}
		s.stop()
		d.mu.Lock()
		defer d.mu.Unlock()
		for range d.conns { // all that the DP had is closed
			d.mu.Unlock()
			<-d.closed
			d.mu.Lock()
		}
	})
	for range 1000 { // goroutines of closed connections need a moment to run to their end
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		runtime.Gosched()
		runtime.GC()
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		var dump strings.Builder
		pprof.Lookup("goroutine").WriteTo(&dump, 1)
		t.Errorf("%d goroutines, %d before\n%.4000s", got, goroutines, dump.String())
	}
	if got := openFiles(); got > files {
		t.Errorf("%d descriptors, %d before", got, files)
	}
}

// openFiles counts descriptors where the system tells.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil || runtime.GOOS != "linux" { // Wine shows what its server holds, not this program
		return 0
	}
	return len(entries)
}
