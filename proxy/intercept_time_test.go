package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
)

// within runs a test in a bubble of time: a trusting site whose clients and servers are pipes. Its servers, over TLS, are h.
func within(t *testing.T, h http.HandlerFunc, o options, test func(t *testing.T, s *trusting, in *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		o.listen, o.config.Dial, o.config.TunnelIdle = in, out.dial, 10*time.Minute
		s := newTrusting(t, o)
		server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), TLSConfig: &tls.Config{
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				return s.servers.leaf(hello.ServerName), nil
			},
		}}
		go server.ServeTLS(out, "", "")
		t.Cleanup(func() { server.Close() })
		test(t, s, in)
	})
}

// pipe begins a tunnel to dp1 in memory.
func (s *trusting) pipe(in *pipes, target string) (net.Conn, *bufio.Reader) {
	s.Helper()
	c, err := in.dial(context.Background(), "", "")
	s.must(err)
	s.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"})
	if err != nil || resp.StatusCode != 200 {
		s.Fatalf("CONNECT: %v, %v", resp, err)
	}
	return c, r
}

// pipeInto begins TLS in it.
func (s *trusting) pipeInto(in *pipes) (*tls.Conn, *bufio.Reader) {
	s.Helper()
	c, r := s.pipe(in, "dp1:443")
	conn := tls.Client(readFrom{c, r}, &tls.Config{ServerName: "dp1", RootCAs: s.box.pool})
	s.must(conn.Handshake())
	return conn, bufio.NewReader(conn)
}

// readFrom is a connection of which something has been read.
type readFrom struct {
	net.Conn
	r io.Reader
}

func (c readFrom) Read(p []byte) (int, error) { return c.r.Read(p) }

// hello is what a client sends first.
func hello(s *trusting) []byte {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go tls.Client(ours, &tls.Config{ServerName: "dp1"}).Handshake()
	text := make([]byte, 4096)
	n, err := theirs.Read(text)
	s.must(err)
	return text[:n]
}

// silences are what a client begins and does not go on with, and when that is over.
var silences = []struct {
	name  string
	after time.Duration
	begin func(s *trusting, in *pipes) net.Conn
}{
	{"nothing after the CONNECT", 10 * time.Second, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipe(in, "dp1:443")
		return c
	}},
	{"half a ClientHello", 10 * time.Second, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipe(in, "dp1:443")
		c.Write(hello(s)[:50])
		return c
	}},
	{"half a handshake", 10 * time.Second, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipe(in, "dp1:443")
		c.Write(hello(s))
		return c
	}},
	{"no request", 10 * time.Second, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipeInto(in)
		return c
	}},
	{"half a request", 10 * time.Second, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipeInto(in)
		io.WriteString(c, "GET /x HTTP/1.1\r\nHo")
		return c
	}},
	{"no second request", 2 * time.Minute, func(s *trusting, in *pipes) net.Conn {
		c, r := s.pipeInto(in)
		io.WriteString(c, "GET /x HTTP/1.1\r\nHost: dp1\r\n\r\n")
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			s.Errorf("%v, %v", resp, err)
		} else {
			io.Copy(io.Discard, resp.Body)
		}
		return c
	}},
	{"a tunnel", 10 * time.Minute, func(s *trusting, in *pipes) net.Conn {
		c, _ := s.pipe(in, "other:443")
		return c
	}},
}

// TestSilentClients: whatever 200 clients begin and do not go on with, is gone after its time, with all that it held.
func TestSilentClients(t *testing.T) {
	const clients = 200
	for _, tt := range silences {
		t.Run(tt.name, func(t *testing.T) {
			within(t, func(http.ResponseWriter, *http.Request) {}, options{}, func(t *testing.T, s *trusting, in *pipes) {
				tt.begin(s, in).Close() // what is made with the first one stays: connections that are kept for the next
				<-time.After(time.Hour)
				synctest.Wait()
				before, start := runtime.NumGoroutine(), time.Now()
				for range clients {
					c := tt.begin(s, in)
					go io.Copy(io.Discard, c)
				}
				<-time.After(tt.after - time.Second)
				synctest.Wait()
				if got := runtime.NumGoroutine(); got < before+clients {
					t.Errorf("%d goroutines before the time is up, %d at the start", got, before)
				}
				<-time.After(3 * time.Second)
				synctest.Wait()
				if took := time.Since(start); took > tt.after+3*time.Second {
					t.Errorf("beginning took %v", took)
				}
				<-time.After(90 * time.Second) // connections to the server that are kept for the next
				synctest.Wait()
				for i := 0; i < 1_000_000 && runtime.NumGoroutine() > before; i++ {
					runtime.Gosched() // what has ended is still counted for a moment
				}
				// A few of the runtime's own, and of other tests, come and go.
				if got := runtime.NumGoroutine(); got > before+clients/20 {
					t.Errorf("%d goroutines in the end, %d at the start", got, before)
				}
			})
		})
	}
}

// TestSlowReaderInside: a client that takes nothing for a while loses its connection, under TLS too.
func TestSlowReaderInside(t *testing.T) {
	o := options{origins: withSource(func(content.Target) cache.Source { return pattern(64 << 20) })}
	within(t, nil, o, func(t *testing.T, s *trusting, in *pipes) {
		c, r := s.pipeInto(in)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: dp1\r\n\r\n", tokenFile)
		resp, err := http.ReadResponse(r, nil)
		s.must(err)
		if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
			t.Fatal(err)
		}
		<-time.After(stall + 10*time.Second)
		synctest.Wait()
		if n, err := io.Copy(io.Discard, resp.Body); err != io.ErrUnexpectedEOF || n > 1<<20 {
			t.Errorf("%d bytes came after the stall (%v)", n, err)
		}
		synctest.Wait()
		if !strings.Contains(s.log.String(), `"aborted":true`) {
			t.Error("the log does not tell")
		}
	})
}

// TestClientLeavesInside: what its request has begun upstream ends with it.
func TestClientLeavesInside(t *testing.T) {
	begun, ended := make(chan bool), make(chan bool)
	silent := func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	}
	s := newTrusting(t, options{})
	s.startTLS("dp1:443", http.HandlerFunc(silent), nil)
	in := s.seenInto("dp1:443").send("GET /x HTTP/1.1\r\nHost: dp1\r\n\r\n")
	<-begun
	in.raw.Close()
	<-ended
	s.stop()
	if left := s.counted("branchpoint_requests_total", "left"); left != 1 {
		t.Errorf("%v requests left", left)
	}
}

// TestPanicInside ends its connection and nothing else.
func TestPanicInside(t *testing.T) {
	s := newTrusting(t, options{origins: withSource(func(t content.Target) cache.Source {
		if strings.HasPrefix(t.ID.Path, "bad") {
			panic("a bug")
		}
		return pattern(1 << 20)
	})})
	good := s.seenInto("dp1:443")
	for range 10 {
		in := s.seenInto("dp1:443").send("GET /SMS_DP_SMSPKG$/PS100015.3/bad HTTP/1.1\r\nHost: dp1\r\n\r\n")
		if got := in.answer("GET"); got.StatusCode != 500 || !got.Close {
			t.Errorf("%v, %v", got.Response, got.err)
		}
	}
	wantStatus(t, good.get(tokenFile), 200)
}

// panicking is an authority with a bug.
type panicking struct{ *box }

func (panicking) Certificate(string) (*tls.Certificate, error) { panic("a bug") }

// TestPanicInAuthority: a CONNECT is refused, and the program goes on.
func TestPanicInAuthority(t *testing.T) {
	s := newTrusting(t, options{config: proxy.Config{Authority: panicking{newBox(t)}}})
	for range 2 {
		wantStatus(t, s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n").answer("GET"), 500)
	}
}

// TestShutdownInside: a download in a tunnel ends properly, an idle connection and a half-open handshake end at once.
func TestShutdownInside(t *testing.T) {
	s := newTrusting(t, options{drain: 10 * time.Second})
	dp := newDP(2 << 20)
	asked, release := make(chan bool, 10), make(chan bool)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		<-release
		dp.file(w, r)
	})
	s.startTLS("dp1:443", dp, nil)
	idle, half := s.seenInto("dp1:443"), s.connect("dp1:443")
	busy := s.seenInto("dp1:443").send("GET %s HTTP/1.1\r\nHost: dp1\r\n\r\n", tokenFile)
	<-asked
	stopped := make(chan bool)
	go func() {
		s.stop()
		close(stopped)
	}()
	if _, err := idle.r.ReadByte(); err == nil {
		t.Error("an idle connection speaks")
	}
	if _, err := half.r.ReadByte(); err == nil {
		t.Error("a half-open handshake speaks")
	}
	close(release)
	wantBody(t, busy.answer("GET"), dp.data)
	<-stopped
}
