package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
)

// pipes is a listener in memory, so that time is the test's own.
type pipes struct {
	conns chan net.Conn
	ended chan bool
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan bool)} }

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.ended) })
	return nil
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// inMemory runs a test in a bubble of time: a site whose clients and destination are pipes.
func inMemory(t *testing.T, destination http.HandlerFunc, o options, test func(t *testing.T, s *site, c net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		server := &http.Server{Handler: destination}
		go server.Serve(out)
		t.Cleanup(func() { server.Close() })
		o.listen, o.config.Dial = in, out.dial
		s := newSite(t, o)
		c, err := in.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		test(t, s, c)
	})
}

// wantAfter wants something to have happened after so much time, give or take a second.
func wantAfter(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got < want-time.Second || got > want+time.Second {
		t.Errorf("it took %v, want %v", got, want)
	}
}

const stall = 5 * time.Minute

// TestSlowReader: a client that takes nothing for a while loses its connection.
func TestSlowReader(t *testing.T) {
	o := options{origins: withSource(func(content.Target) cache.Source { return pattern(64 << 20) })}
	inMemory(t, nil, o, func(t *testing.T, s *site, c net.Conn) {
		fmt.Fprintf(c, "GET %sa HTTP/1.1\r\nHost: x\r\n\r\n", versioned)
		r := bufio.NewReader(c)
		for range 20 { // slow, and not too slow: a byte of each stall
			if _, err := r.Discard(4096); err != nil {
				t.Fatal(err)
			}
			<-time.After(stall / 100)
		}
		start := time.Now()
		<-time.After(stall + time.Second)
		synctest.Wait()
		if n, err := io.Copy(io.Discard, r); err != nil && err != io.ErrClosedPipe || n > 1<<20 {
			t.Errorf("%d bytes came after the stall (%v)", n, err)
		}
		wantAfter(t, start, stall+time.Second)
		if !strings.Contains(s.log.String(), `"aborted":true`) {
			t.Error("the log does not tell")
		}
	})
}

// TestSlowSender: a client that stops in the middle of a body does not hold its connection.
func TestSlowSender(t *testing.T) {
	inMemory(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, options{},
		func(t *testing.T, s *site, c net.Conn) {
			start := time.Now()
			fmt.Fprintf(c, "POST http://mp/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
			io.Copy(io.Discard, c)
			if took := time.Since(start); took < stall-time.Second || took > stall+30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
}

// TestSlowHeader: a client that never finishes its header is not waited for.
func TestSlowHeader(t *testing.T) {
	inMemory(t, nil, options{}, func(t *testing.T, s *site, c net.Conn) {
		start := time.Now()
		fmt.Fprint(c, "GET http://mp/x HTTP/1.1\r\nHo")
		io.Copy(io.Discard, c)
		wantAfter(t, start, 10*time.Second)
	})
}

// TestLongAnswerToAPost: what bounds the body of the request must not bound the answer.
func TestLongAnswerToAPost(t *testing.T) {
	destination := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
		for range 4 {
			w.(http.Flusher).Flush()
			<-time.After(stall - time.Minute)
			io.WriteString(w, ".")
		}
	}
	inMemory(t, destination, options{}, func(t *testing.T, s *site, c net.Conn) {
		fmt.Fprintf(c, "POST http://mp/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		s.must(err)
		if body, err := io.ReadAll(resp.Body); string(body) != "body...." || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
}

// TestSilentDestination: 504, so that BITS tries again.
func TestSilentDestination(t *testing.T) {
	inMemory(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, options{},
		func(t *testing.T, s *site, c net.Conn) {
			start := time.Now()
			fmt.Fprint(c, "GET http://mp/x HTTP/1.1\r\nHost: x\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			s.must(err)
			if resp.StatusCode != http.StatusGatewayTimeout || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%v", resp)
			}
			wantAfter(t, start, 10*time.Minute)
		})
}

// TestSilentTunnel: words in one direction keep a tunnel, silence in both ends it.
func TestSilentTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		s := newSite(t, options{listen: in, config: proxy.Config{Dial: out.dial, TunnelIdle: 10 * time.Minute}})
		for _, clientSpeaks := range []bool{true, false} {
			c, _ := in.dial(t.Context(), "", "")
			go fmt.Fprint(c, "CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n")
			target := <-out.conns
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"})
			s.must(err)
			if resp.StatusCode != 200 {
				t.Fatal(resp.Status)
			}
			from, to := net.Conn(c), target
			if !clientSpeaks {
				from, to = target, c
			}
			for range 10 {
				<-time.After(9 * time.Minute)
				go from.Write([]byte("x"))
				if _, err := io.ReadFull(to, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			if _, err := to.Read(make([]byte, 1)); err == nil {
				t.Error("the tunnel speaks by itself")
			}
			wantAfter(t, start, 10*time.Minute)
			if _, err := from.Read(make([]byte, 1)); err == nil {
				t.Error("the other side is still open")
			}
		}
	})
}

// TestStuckTunnel: a side that takes nothing does not keep the tunnel for ever.
func TestStuckTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		newSite(t, options{listen: in, config: proxy.Config{Dial: out.dial, TunnelIdle: 10 * time.Minute}})
		c, _ := in.dial(t.Context(), "", "")
		go fmt.Fprint(c, "CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n")
		target := <-out.conns
		http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "CONNECT"})
		start := time.Now()
		for {
			if _, err := target.Write(make([]byte, 1<<10)); err != nil {
				break
			}
		}
		wantAfter(t, start, 10*time.Minute)
	})
}

// TestSilentBeforeTheEnd: an answer whose last piece is long ago ends properly all the same.
func TestSilentBeforeTheEnd(t *testing.T) {
	destination := func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "all")
		w.(http.Flusher).Flush()
		<-time.After(stall + time.Minute)
	}
	inMemory(t, destination, options{}, func(t *testing.T, s *site, c net.Conn) {
		fmt.Fprintf(c, "GET http://mp/x HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		s.must(err)
		if body, err := io.ReadAll(resp.Body); string(body) != "all" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
}
