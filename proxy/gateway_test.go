package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
)

// loopback lets a gateway of a test serve without asking, as a proxy for this machine does.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// newGateway makes a gateway to a server, known as "alias", which speaks TLS when that is wanted.
func newGateway(t testing.TB, to string, secure bool, change ...func(*proxy.Config)) *trusting {
	t.Helper()
	alias := newBox(t)
	l := proxy.Listener{Entitlement: proxy.Network, Networks: loopback, Gateway: to, Hosts: []string{"none"}, ConnectPorts: []string{"443"}}
	if secure {
		l.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return alias.Certificate("alias") }
	}
	o := options{listener: l, points: []upstream.Location{{Base: "http://dp1", TokenBase: "https://dp1", Hierarchy: "h", Audience: "a"}}}
	for _, c := range change {
		c(&o.config)
	}
	s := newTrusting(t, o)
	s.box = alias
	return s
}

// direct is a client's connection to a gateway that speaks TLS.
func (s *trusting) direct() *inside {
	s.Helper()
	in, err := s.begin(s.raw(), "alias:443", s.box.testCA)
	s.must(err)
	return in
}

// TestGateway: to its clients it is the distribution point, with the cache before it.
func TestGateway(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS: %v", secure), func(t *testing.T) {
			to := map[bool]string{false: "http://DP1", true: "https://dp1:443/"}[secure]
			s := newGateway(t, to, secure)
			dp := newDP(3 << 20)
			if secure {
				s.startTLS("dp1:443", dp, nil)
			} else {
				s.start("dp1:80", dp)
			}
			send := func(format string, args ...any) answer {
				text := fmt.Sprintf(format, args...)
				method, _, _ := strings.Cut(text, " ")
				if secure {
					return s.direct().send("%s", text).answer(method)
				}
				return s.raw().send("%s", text).answer(method)
			}
			path := "/SMS_DP_SMSPKG$/PS100015.3/sccm?/a.cab"
			for i, want := range []string{miss, hit} {
				got := send("GET %s HTTP/1.1\r\nHost: alias:%d\r\n\r\n", path, i)
				wantBody(t, got, dp.data)
				wantHeader(t, got.Header, "Cache-Status", want)
			}
			part := send("GET %s HTTP/1.1\r\nHost: alias\r\nRange: bytes=5-9\r\n\r\n", path)
			if !bytes.Equal(part.body, dp.data[5:10]) {
				t.Errorf("%s, %q", part.Status, part.body)
			}
			dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %s at %s %s", r.Method, r.RequestURI, r.Host, body)
			})
			for request, want := range map[string]string{
				"PROPFIND /x/ HTTP/1.1\r\nHost: Alias:8530\r\nContent-Length: 2\r\n\r\nhi": "200 PROPFIND /x/ at Alias:8530 hi",
				"GET /index.html HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n":                       "200 GET /index.html at 10.0.0.1 ",
				"GET /a%7Eb//c?d=%zz HTTP/1.1\r\nHost: alias\r\n\r\n":                      "200 GET /a%7Eb//c?d=%zz at alias ",
				"GET http://evil/x HTTP/1.1\r\nHost: dp1\r\n\r\n":                          "421 " + misdirects,
				"CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n":                        "405 Branchpoint: no tunnel begins here: this connection leads to one server.\n",
				"GET /proxy.pac HTTP/1.1\r\nHost: alias\r\n\r\n":                           "200 GET /proxy.pac at alias ",
			} {
				got := send("%s", request)
				if have := fmt.Sprint(got.StatusCode, " ", string(got.body)); got.err != nil || have != want {
					t.Errorf("%q: %q, %v; want %q", request, have, got.err, want)
				}
			}
			if asked := dp.requests("GET"); asked[0].host != "dp1" {
				t.Errorf("content was fetched from %s", asked[0].host)
			}
		})
	}
}

// TestGatewayRefused: what a gateway cannot be.
func TestGatewayRefused(t *testing.T) {
	s := newSite(t, options{})
	certificate := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
	for name, l := range map[string]proxy.Listener{
		"no scheme":                {Gateway: "dp1"},
		"another scheme":           {Gateway: "ftp://dp1"},
		"a path":                   {Gateway: "http://dp1/x"},
		"a user":                   {Gateway: "http://u@dp1"},
		"a query":                  {Gateway: "http://dp1?x"},
		"no host":                  {Gateway: "http://"},
		"any host":                 {Gateway: "http://dp1", AnyHost: true},
		"transparent":              {Gateway: "http://dp1", Transparent: true},
		"a certificate of a proxy": {Certificate: certificate},
		"trusting whoever comes":   {Gateway: "http://dp1", Entitlement: proxy.Machine},
		"a trusting redirect":      {Transparent: true, Entitlement: proxy.Machine},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		s.must(err)
		if l.Entitlement == "" {
			l.Entitlement = proxy.Origin
		}
		if err := s.proxy.Serve(t.Context(), ln, l, 0); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestGatewayLeadsElsewhere: new settings are for the next request, also of a client that stays connected.
func TestGatewayLeadsElsewhere(t *testing.T) {
	l := proxy.Listener{Entitlement: proxy.Network, Networks: loopback, Gateway: "http://dp1"}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, options{})
	for _, name := range []string{"dp1", "dp2"} {
		s.start(name+":80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(name)) }))
	}
	d, err := s.proxy.Open(ln, l)
	s.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, time.Second) }()
	defer func() {
		cancel()
		s.must(<-served)
	}()
	s.address = ln.Addr().String()
	c := s.raw()
	for _, want := range []string{"dp1", "dp2"} {
		l.Gateway = "http://" + want
		commit, err := d.Prepare(l)
		s.must(err)
		commit()
		if got := c.send("GET /x HTTP/1.1\r\nHost: alias\r\n\r\n").answer("GET"); string(got.body) != want {
			t.Errorf("%s answers, want %s: %v", got.body, want, got.err)
		}
	}
}

// TestGatewayCertificate: who is shown nothing good is told nothing, and another certificate is for the connections to come.
func TestGatewayCertificate(t *testing.T) {
	s := newGateway(t, "https://dp1", true)
	s.startTLS("dp1:443", newDP(10), nil)
	s.direct()
	s.box.breakDown()
	if _, err := s.begin(s.raw(), "alias:443", s.box.testCA); err == nil {
		t.Error("a handshake without a certificate")
	}
	plain := s.raw().send("GET /x HTTP/1.1\r\nHost: alias\r\n\r\n")
	wantStatus(t, plain.answer("GET"), 400)
}

// TestWindowsInside: Windows authentication works where a connection leads to one server, and none of that server's connections
// serves two.
func TestWindowsInside(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, d http.Handler, server *http.Server) func() func(authorization, path string) answer{
		"intercepted": func(t *testing.T, d http.Handler, server *http.Server) func() func(string, string) answer {
			s := newTrusting(t, options{})
			s.startTLSServer("dp1:443", server, nil)
			return func() func(string, string) answer { return s.seenInto("dp1:443").as }
		},
		"gateway": func(t *testing.T, d http.Handler, server *http.Server) func() func(string, string) answer {
			s := newGateway(t, "http://dp1", false)
			s.startServer("dp1:80", server)
			return func() func(string, string) answer { return s.raw().as }
		},
		"gateway with TLS": func(t *testing.T, d http.Handler, server *http.Server) func() func(string, string) answer {
			s := newGateway(t, "https://dp1", true)
			s.startTLSServer("dp1:443", server, nil)
			return func() func(string, string) answer { return s.direct().as }
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, server := newWindowsDP()
			connect := begin(t, d, server)
			paths := []string{"/NOCERT_SMS_DP_SMSPKG$/PS100015.3/a", "/SMS_MP/x", "/NOCERT_SMS_DP_SMSPKG$/PS100015/b"}
			var wg sync.WaitGroup
			for i := range 20 {
				as := connect()
				wg.Go(func() {
					user := fmt.Sprintf("user%d", i)
					login := func() error {
						return legs("", user, func(authorization string) answer { return as(authorization, paths[i%3]) })
					}
					if err := patiently(login); err != nil {
						t.Errorf("%s: %v", user, err)
						return
					}
					for j := range 10 {
						got := asLoggedIn(func(authorization string) answer { return as(authorization, paths[(i+j)%3]) }, login)
						if got.Header.Get("X-User") != user || !bytes.Equal(got.body, d.data) {
							t.Errorf("%s got status %d, %v, %v", user, got.StatusCode, got.Header, got.err)
						}
					}
				})
			}
			wg.Wait()
			for _, path := range paths {
				wantStatus(t, connect()("", path), 401)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, c := range d.conns {
				if len(c.users) > 1 {
					t.Errorf("one connection served %v", c.users)
				}
			}
		})
	}
}

// as sends a request within a tunnel, with an Authorization that may be empty.
func (in *inside) as(authorization, path string) answer {
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	fmt.Fprintf(in.Conn, "GET %s HTTP/1.1\r\nHost: dp1\r\n%s\r\n", path, authorization)
	return in.answer("GET")
}
