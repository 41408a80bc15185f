package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"branchpoint/proxy"
)

// TestPAC: both names of the file, and nothing else, are served to whoever speaks to us as to a web server.
func TestPAC(t *testing.T) {
	s := newSite(t, options{
		config:   proxy.Config{Served: func() []string { return []string{"learned.example.com"} }},
		listener: proxy.Listener{PointedHosts: []string{"dp1.example.com"}},
	})
	for name, c := range map[string]struct {
		method, target, host string
		status               int
		says                 string
	}{
		"PAC":                       {"GET", "/proxy.pac", "box:8080", 200, `return "PROXY box:8080; DIRECT"`},
		"WPAD":                      {"GET", "/wpad.dat", "wpad.example.com", 200, `return "PROXY wpad.example.com:80; DIRECT"`},
		"with a query":              {"GET", "/proxy.pac?v=2", "box:8080", 200, `return "PROXY box:8080; DIRECT"`},
		"head only":                 {"HEAD", "/proxy.pac", "box:8080", 200, ""},
		"a Host that is no address": {"GET", "/proxy.pac", "a'b:1", 200, `return "PROXY ` + s.address + `; DIRECT"`},
		"a configured name":         {"GET", "/proxy.pac", "box:8080", 200, `["dp1.example.com", "*", " 443 "]`},
		"a learned name":            {"GET", "/proxy.pac", "box:8080", 200, `["learned.example.com", "*", " 443 "]`},
		"another method":            {"POST", "/proxy.pac", "box:8080", 400, "this is a proxy"},
		"another path":              {"GET", "/", "box:8080", 400, "this is a proxy"},
		"a folder":                  {"GET", "/x/proxy.pac", "box:8080", 400, "this is a proxy"},
		"capitals":                  {"GET", "/PROXY.PAC", "box:8080", 400, "this is a proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.raw().send("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.method, c.target, c.host).answer(c.method)
			if got.StatusCode != c.status || !strings.Contains(string(got.body), c.says) {
				t.Fatalf("status %d, want %d with %q:\n%s", got.StatusCode, c.status, c.says, got.body)
			}
			if c.status == http.StatusOK {
				wantHeader(t, got.Header, "Content-Type", "application/x-ns-proxy-autoconfig")
				wantHeader(t, got.Header, "Cache-Control", "max-age=300")
				wantHeader(t, got.Header, "X-Content-Type-Options", "nosniff")
			}
			if c.method == "HEAD" && (len(got.body) > 0 || got.ContentLength < 500) {
				t.Errorf("HEAD has %d bytes of body and a length of %d", len(got.body), got.ContentLength)
			}
		})
	}
}

// TestPACWithoutHost: HTTP/1.0 clients need not say where they think they are.
func TestPACWithoutHost(t *testing.T) {
	s := newSite(t, options{})
	got := s.raw().send("GET /wpad.dat HTTP/1.0\r\n\r\n").answer("GET")
	if want := `return "PROXY ` + s.address + `; DIRECT"`; !strings.Contains(string(got.body), want) {
		t.Errorf("status %d without %s:\n%s", got.StatusCode, want, got.body)
	}
}

// TestPACInAbsoluteForm is a file of another server, or of nobody.
func TestPACInAbsoluteForm(t *testing.T) {
	s := newSite(t, options{})
	s.start("other:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("the other one's")) }))
	if got := s.ask(s.client(), "GET", "http://other/proxy.pac"); string(got.body) != "the other one's" {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
}

// TestPACOfAGateway is the distribution point's own: its clients know of no proxy.
func TestPACOfAGateway(t *testing.T) {
	s := newSite(t, options{listener: proxy.Listener{Entitlement: proxy.Network, Networks: loopback, Gateway: "http://dp1", Hosts: []string{"none"}}})
	s.start("dp1:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("the DP's own")) }))
	for _, path := range []string{"/proxy.pac", "/wpad.dat"} {
		got := s.raw().send("GET %s HTTP/1.1\r\nHost: dp1\r\n\r\n", path).answer("GET")
		if string(got.body) != "the DP's own" {
			t.Errorf("%s: got %d %s", path, got.StatusCode, got.body)
		}
	}
}
