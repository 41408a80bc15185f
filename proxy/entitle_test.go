package proxy_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"branchpoint/proxy"
)

// guarded is a DP that serves whoever has the key.
func guarded(d *fakeDP) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "good" {
			w.Header().Set("WWW-Authenticate", `Custom realm="dp"`)
			http.Error(w, "the DP's own words", http.StatusForbidden)
			return
		}
		d.file(w, r)
	}
}

func originSite(t testing.TB, l proxy.Listener, c proxy.Config) (*site, *fakeDP) {
	l.Hosts = []string{"dp1", "dp2"}
	s := newSite(t, options{listener: l, config: c})
	dp := newDP(2 << 20)
	s.start("dp1:80", dp)
	return s, dp
}

// TestOriginDecides: what is in the cache is not given to whom the DP refuses.
func TestOriginDecides(t *testing.T) {
	s, dp := originSite(t, proxy.Listener{Entitlement: proxy.Origin}, proxy.Config{})
	dp.answerWith(guarded(dp))
	c := s.client()
	wantBody(t, s.ask(c, "GET", versioned+"a", "X-Key: good"), dp.data)
	for _, method := range []string{"GET", "HEAD"} {
		for _, header := range []string{"X-Other: 1", "X-Key: bad", "Authorization: Bearer x", "Range: bytes=0-9", "Connection: X-Key"} {
			got := s.ask(c, method, versioned+"a", header)
			wantStatus(t, got, http.StatusForbidden)
			wantHeader(t, got.Header, "WWW-Authenticate", `Custom realm="dp"`)
			wantHeader(t, got.Header, "Cache-Status", "Branchpoint; fwd=bypass")
			if bytes.Contains(got.body, dp.data[:10]) || method == "GET" && string(got.body) != "the DP's own words\n" {
				t.Errorf("%s with %s got %d bytes: %.40q", method, header, len(got.body), got.body)
			}
		}
	}
	got := s.ask(c, "GET", versioned+"a", "X-Key: good")
	wantBody(t, got, dp.data)
	wantHeader(t, got.Header, "Cache-Status", "Branchpoint; hit")
}

// TestVerdictReuse counts what the DP is asked.
func TestVerdictReuse(t *testing.T) {
	s, dp := originSite(t, proxy.Listener{Entitlement: proxy.Origin}, proxy.Config{})
	dp.answerWith(guarded(dp))
	s.start("dp2:80", dp)
	c := s.client()
	const other = "http://dp1/SMS_DP_SMSPKG$/PS100016.1/sccm?/"
	for _, tt := range []struct {
		name, target string
		header       []string
		asks         int // how many more HEADs the DP gets
	}{
		{"the first", versioned + "a", nil, 1},
		{"again", versioned + "a", nil, 0},
		{"another range", versioned + "a", []string{"Range: bytes=5-9", "If-Range: \"x\""}, 0},
		{"another program", versioned + "a", []string{"User-Agent: other", "Accept: x/y", "Pragma: no-cache"}, 0},
		{"another file of the content", versioned + "b", nil, 0},
		{"a cookie", versioned + "a", []string{"Cookie: x"}, 1},
		{"the cookie again", versioned + "a", []string{"Cookie: x"}, 0},
		{"a header that nobody knows", versioned + "a", []string{"X-Ccm-Anything: 1"}, 1},
		{"another value of it", versioned + "a", []string{"X-Ccm-Anything: 2"}, 1},
		{"two values of it", versioned + "a", []string{"X-Ccm-Anything: 1", "X-Ccm-Anything: 2"}, 1},
		{"one value that looks like two", versioned + "a", []string{"X-Ccm-Anything: 1, 2"}, 1},
		{"another content", other + "a", nil, 1},
		{"another vdir", "http://dp1/NOCERT_SMS_DP_SMSPKG$/PS100015.3/a", nil, 1},
		{"another DP", "http://dp2/SMS_DP_SMSPKG$/PS100015.3/a", nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(dp.requests("HEAD"))
			got := s.ask(c, "GET", tt.target, append(tt.header, "X-Key: good")...)
			if got.StatusCode != 200 && got.StatusCode != 206 || got.err != nil {
				t.Fatalf("status %d, %v", got.StatusCode, got.err)
			}
			if asked := len(dp.requests("HEAD")) - before; asked != tt.asks {
				t.Errorf("the DP was asked %d times, want %d", asked, tt.asks)
			}
		})
	}
}

func TestVerdictEnds(t *testing.T) {
	s, dp := originSite(t, proxy.Listener{Entitlement: proxy.Origin}, proxy.Config{VerdictAge: 1, Grace: 1})
	c := s.client()
	wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
	s.remove("dp1:80")
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	wantStatus(t, s.ask(c, "GET", versioned+"a"), http.StatusBadGateway)
}

// from is a listener whose clients seem to come from an address.
type from struct {
	net.Listener
	address string
}

type fromConn struct {
	net.Conn
	address net.Addr
}

func (c fromConn) RemoteAddr() net.Addr { return c.address }

func (l from) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return fromConn{c, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.address))}, nil
}

func TestNetworks(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32"), netip.MustParsePrefix("fe80::/10")}
	for address, inside := range map[string]bool{
		"10.1.2.3:5": true, "[::ffff:10.1.2.3]:5": true, "[fd00:1::9]:5": true, "[fe80::1%eth0]:5": true,
		"10.2.0.1:5": false, "[::ffff:10.2.0.1]:5": false, "[fd00:2::1]:5": false, "127.0.0.1:5": false, "[::a01:203]:5": false,
	} {
		t.Run(address, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := newSite(t, options{listen: from{ln, address},
				listener: proxy.Listener{Entitlement: proxy.Network, Networks: networks, Hosts: []string{"dp1"}}})
			dp := newDP(1000)
			s.start("dp1:80", dp)
			c := s.client()
			wantBody(t, s.ask(c, "GET", versioned+"a"), dp.data)
			asked := len(dp.requests("HEAD")) > 0
			dp.answerWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
			got := s.ask(c, "GET", versioned+"a", "X-New: 1")
			if asked == inside || (got.StatusCode == 200) != inside {
				t.Errorf("asked %v, then status %d; the client is inside: %v", asked, got.StatusCode, inside)
			}
		})
	}
}

// TestListenerRefuses names the listeners that would open what must stay shut.
func TestListenerRefuses(t *testing.T) {
	s := newSite(t, options{})
	for name, l := range map[string]proxy.Listener{
		"none":              {},
		"unknown":           {Entitlement: "all"},
		"machine elsewhere": {Entitlement: proxy.Machine},
		"any host":          {Entitlement: proxy.Origin, AnyHost: true},
		"no network":        {Entitlement: proxy.Network},
		"connections":       {Entitlement: proxy.Origin, MaxConnections: -1},
	} {
		ln := &elsewhere{closed: make(chan bool, 1)}
		if err := s.proxy.Serve(t.Context(), ln, l, 0); err == nil {
			t.Errorf("%s: served", name)
		}
		if len(ln.closed) == 0 {
			t.Errorf("%s: the listener stays open", name)
		}
	}
}

// elsewhere is a listener on an address that is not this machine's alone.
type elsewhere struct{ closed chan bool }

func (l *elsewhere) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l *elsewhere) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8080} }
func (l *elsewhere) Close() error              { l.closed <- true; return nil }

func TestHostsOfAListener(t *testing.T) {
	s, dp := originSite(t, proxy.Listener{Entitlement: proxy.Origin}, proxy.Config{})
	s.start("evil:80", dp)
	for target, status := range map[string]int{"http://dp1/x": 200, "http://DP1:80/x": 200, "http://evil/x": 403,
		"http://dp1.evil/x": 403, "http://dp1@evil/x": 400, "http://evil/SMS_DP_SMSPKG$/PS100015.3/a": 403} {
		wantStatus(t, s.raw().send("GET %s HTTP/1.1\r\nHost: dp1\r\n\r\n", target).answer("GET"), status)
	}
}

func TestMachineShowsTokens(t *testing.T) {
	seen := make(chan string, 10)
	for _, entitlement := range []proxy.Entitlement{proxy.Machine, proxy.Origin} {
		s := newSite(t, options{listener: proxy.Listener{Entitlement: entitlement}, config: proxy.Config{Tokens: observer(seen)}})
		s.start("dp1:80", newDP(10))
		wantStatus(t, s.ask(s.client(), "GET", versioned+"a", "X-Token: t"), 200)
	}
	if got := <-seen; got != "dp1:80 t" || len(seen) != 0 {
		t.Errorf("the broker saw %q and %d more", got, len(seen))
	}
	for entitlement, want := range map[proxy.Entitlement]int{proxy.Machine: 1, proxy.Origin: 0} {
		s := newSite(t, options{listener: proxy.Listener{Entitlement: entitlement}, config: proxy.Config{Tokens: observer(seen)}})
		s.start("dp1:80", newDP(10))
		for _, target := range []string{"http://dp1/SMS_DP_SMSPKG$/PS100015.3", "http://dp1/SMS_MP/x"} { // the list of a content, and anything
			s.ask(s.client(), "PROPFIND", target, "X-Token: t")
		}
		if len(seen) != want {
			t.Errorf("%s: the broker saw %d lists, want %d", entitlement, len(seen), want)
		}
		for len(seen) > 0 {
			if got := <-seen; got != "dp1:80 t" {
				t.Errorf("the broker saw %q", got)
			}
		}
	}
}

type observer chan string

func (o observer) Observe(host string, h http.Header) { o <- host + " " + h.Get("X-Token") }

// holds tells whether a file under a directory holds text.
func holds(t testing.TB, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the cache is still at work
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, []byte(text)) || bytes.Contains([]byte(path), []byte(text))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
