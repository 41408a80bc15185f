package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
)

// network is the only way out: names of the tests, each a listener of the tests on 127.0.0.1. Everything else fails.
type network struct {
	mu    sync.Mutex
	names map[string]string // host:port to the address of a listener
	dials int
}

var errNoHost = errors.New("no such host")

func (n *network) add(name, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = address
}

func (n *network) remove(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.names, name)
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	real, ok := n.names[strings.ToLower(address)]
	n.dials++
	n.mu.Unlock()
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errNoHost}
	}
	return new(net.Dialer).DialContext(ctx, "tcp", real)
}

// site is a proxy behind a real listener, with a real cache, and what it logs and counts.
type site struct {
	testing.TB
	*network
	address string
	proxy   *proxy.Proxy
	dir     string
	log     *logBuffer
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	served  chan error
	once    sync.Once
}

// options are what differs between sites. Zero values mean the usual.
type options struct {
	config   proxy.Config
	listener proxy.Listener
	origins  func(*upstream.Pool) proxy.Origins
	listen   net.Listener
	drain    time.Duration
	check    time.Duration // of the cache
	points   []upstream.Location
}

func newSite(t testing.TB, o options) *site {
	t.Helper()
	s := &site{TB: t, network: &network{names: map[string]string{}}, dir: t.TempDir(), log: &logBuffer{},
		metrics: prometheus.NewRegistry(), served: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := cache.New(cache.Config{Directory: s.dir, CheckAfter: o.check, Registerer: s.metrics, Logger: logger})
	s.must(err)
	pool, err := upstream.New(upstream.Config{Locations: o.points, Dial: s.dial, RootCAs: o.config.RootCAs, Via: "1.1 here", Registerer: s.metrics, Logger: logger,
		ConnectTimeout: 2 * time.Second, HeaderTimeout: 2 * time.Second, StallTimeout: 2 * time.Second,
		GiveUpAfter: 2 * time.Second, CoolDown: time.Millisecond, CoolDownMax: 2 * time.Millisecond})
	s.must(err)
	c := o.config
	c.Cache, c.Registerer, c.Logger = store, s.metrics, logger
	c.Origins = pool
	if o.origins != nil {
		c.Origins = o.origins(pool)
	}
	if c.Dial == nil {
		c.Dial = s.dial
	}
	if c.Via == "" {
		c.Via = "here"
	}
	s.proxy, err = proxy.New(c)
	s.must(err)
	s.serve(o)
	t.Cleanup(func() {
		s.stop()
		pool.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) serve(o options) {
	ln := o.listen
	if ln == nil {
		var err error
		ln, err = net.Listen("tcp", "127.0.0.1:0")
		s.must(err)
	}
	l := o.listener
	if l.Entitlement == "" {
		l.Entitlement = proxy.Machine
	}
	if l.Hosts == nil {
		l.AnyHost = true
	}
	if l.ConnectPorts == nil {
		l.ConnectPorts = []string{"443"}
	}
	l.Name = "test"
	s.address = ln.Addr().String()
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	drain := o.drain
	if drain == 0 {
		drain = 5 * time.Second
	}
	go func() { s.served <- s.proxy.Serve(ctx, ln, l, drain) }()
}

// stop ends the site in the order of the program. A second stop does nothing.
func (s *site) stop() {
	s.once.Do(func() {
		s.cancel()
		if err := <-s.served; err != nil {
			s.Error(err)
		}
		s.proxy.Close()
	})
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// start runs a handler under a name of the network.
func (s *site) start(name string, h http.Handler) { s.startServer(name, &http.Server{Handler: h}) }

// startServer runs a server under a name of the network.
func (s *site) startServer(name string, server *http.Server) {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.add(name, ln.Addr().String())
	if server.TLSConfig != nil {
		ln = tls.NewListener(ln, server.TLSConfig)
	}
	served := make(chan error)
	go func() { served <- server.Serve(ln) }()
	s.Cleanup(func() {
		server.Close()
		<-served
	})
}

// client is an HTTP client that uses the proxy. It adds nothing to requests, follows no redirect, and keeps its
// connections to itself.
func (s *site) client() *http.Client {
	t := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: s.address}),
		DisableCompression: true,
		MaxConnsPerHost:    1,
	}
	s.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body []byte
	err  error // of the body
}

// ask sends a request of lines "Name: value" through the client.
func (s *site) ask(c *http.Client, method, target string, header ...string) answer {
	s.Helper()
	r, err := http.NewRequest(method, target, nil)
	s.must(err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return s.do(c, r)
}

func (s *site) do(c *http.Client, r *http.Request) answer {
	s.Helper()
	resp, err := c.Do(r)
	if err != nil {
		s.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body, err}
}

// raw is a client connection on which every byte is the test's own.
type raw struct {
	s *site
	*net.TCPConn
	r *bufio.Reader
}

func (s *site) raw() *raw {
	s.Helper()
	conn, err := net.Dial("tcp", s.address)
	s.must(err)
	s.Cleanup(func() { conn.Close() })
	s.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	return &raw{s, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

func (c *raw) send(format string, args ...any) *raw {
	c.s.Helper()
	_, err := fmt.Fprintf(c, format, args...)
	c.s.must(err)
	return c
}

// answer reads one response. A response that does not come, or a body that does not end properly, is its err.
func (c *raw) answer(method string) answer {
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return answer{Response: &http.Response{Header: http.Header{}}, err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body, err}
}

// logBuffer holds what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
