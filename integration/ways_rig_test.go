package integration

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// rig is a box with DPs behind it, as the clients on one of its ways see it.
type rig struct {
	*box
	way
	dps     []*sim.DP
	account sim.Account // that the DPs know
	siteCA  *sim.CA     // of their certificates
	tokens  *sim.Tokens // that they accept
	token   sim.Secret  // that the clients show
	places  map[string]string
	roots   *x509.CertPool // what the clients trust: the box's authority and nobody else
}

// newRig starts DPs and a box with what extra adds to its configuration. On the plain way it is a proxy with anonymous DPs;
// otherwise it has a listener of each kind, which asks the DPs who may have what, and the DPs have https only, with Windows
// authentication and a token directory.
func newRig(t testing.TB, w way, extra string, configs ...sim.DPConfig) *rig {
	t.Helper()
	r := prepareRig(t, w, extra, configs...)
	r.start(r.command())
	return r
}

// prepareRig is newRig without starting the box.
func prepareRig(t testing.TB, w way, extra string, configs ...sim.DPConfig) *rig {
	t.Helper()
	r := &rig{way: w, account: sim.DemoAccount(), places: map[string]string{}, roots: x509.NewCertPool()}
	if w == plainWay {
		for _, c := range configs {
			r.dps = append(r.dps, anonymousDP(t, c))
		}
		r.box = newBox(t, nil, r.dps, extra)
		return r
	}
	var err error
	r.siteCA, err = sim.NewCA()
	must(t, err)
	r.tokens, err = sim.NewTokens(sim.TokensConfig{})
	must(t, err)
	r.token = r.tokens.Issue(time.Hour)
	for _, c := range configs {
		r.dps = append(r.dps, r.secureDP(t, c))
	}
	r.box = newBox(t, r.siteCA, r.dps, r.listeners(t)+"interception: {ca_directory: '$DIR/ca'}\n"+
		strings.Replace(extra, "upstream: {", "upstream: {ca_files: ['$DIR/ca.pem'], ", 1))
	r.box.run("ca", "init", "--config", filepath.Join(r.dir, "branchpoint.yaml"))
	pem, err := os.ReadFile(filepath.Join(r.dir, "ca", "ca.pem"))
	must(t, err)
	if !r.roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's certificate is none")
	}
	return r
}

// secureDP starts a DP. What its configuration leaves open is https with Windows authentication and tokens.
func (r *rig) secureDP(t testing.TB, c sim.DPConfig) *sim.DP {
	t.Helper()
	c.CA, c.Tokens, c.HTTPSAddr = r.siteCA, r.tokens, "127.0.0.1:0"
	if c.Accounts == nil {
		c.Accounts = []sim.Account{r.account}
	}
	if c.Access == nil {
		c.Access = map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessWindows, sim.VdirToken: sim.AccessToken}
	}
	return startDP(t, c)
}

// listeners configures a proxy, and for each DP two gateways: one in the clear and one over TLS.
func (r *rig) listeners(t testing.TB) string {
	t.Helper()
	var y strings.Builder
	var ports []string
	for _, dp := range r.dps {
		_, port, err := net.SplitHostPort(dp.Address("https"))
		must(t, err)
		ports = append(ports, port)
	}
	y.WriteString("listeners:\n  - {name: forward, address: '$PROXY', entitlement: origin, connect_ports: [" + strings.Join(ports, ", ") + "]}\n")
	for _, dp := range r.dps {
		behind := strings.TrimPrefix(dp.URL("https"), "https://")
		if base := dp.URL("http"); base != "" {
			behind = strings.TrimPrefix(base, "http://")
		}
		for port, tls := range map[string]string{"80": "", "443": ", tls: {names: [" + alias(dp) + "]}"} {
			address := freeAddress(t)
			r.places[alias(dp)+":"+port] = address
			fmt.Fprintf(&y, "  - {name: %s-%s, address: '%s', kind: gateway, distribution_point: '%s', entitlement: origin%s}\n",
				dp.Name(), port, address, behind, tls)
		}
	}
	return y.String()
}

// rewrite changes the configuration of a box that does not run yet.
func (r *rig) rewrite(t testing.TB, old, now string) {
	t.Helper()
	path := filepath.Join(r.dir, "branchpoint.yaml")
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, now)), 0o600))
}

// alias is the name by which clients of a gateway know a DP.
func alias(dp *sim.DP) string { return dp.Name() + ".branch.test" }

// by returns the same box as the clients on another way see it.
func (r *rig) by(w way) *rig {
	other := *r
	other.way = w
	return &other
}

// location is where a content is for clients that show the token, and on the plain way for all.
func (r *rig) location(dp *sim.DP, segment string) string {
	if r.way == plainWay {
		return dp.Location(sim.VdirPlain, segment)
	}
	return r.base(dp) + "/CCMTOKENAUTH_SMS_DP_SMSPKG$/" + segment
}

// base is how URLs of a DP begin.
func (r *rig) base(dp *sim.DP) string {
	switch {
	case r.alias:
		return r.scheme + "://" + alias(dp)
	case dp.URL(r.scheme) == "":
		return dp.URL("https")
	}
	return dp.URL(r.scheme)
}

// url is how a client asks for a file.
func (r *rig) url(dp *sim.DP, segment, path string) string {
	return r.location(dp, segment) + "/sccm?/" + path
}

// config is that of a simulated client.
func (r *rig) config(library *sim.Library) sim.ClientConfig {
	c := sim.ClientConfig{Library: library, Token: r.token, RootCAs: r.roots, Resolve: r.places}
	if !r.alias {
		c.Proxy = r.proxy
	}
	return c
}

// client returns an HTTP client on the way, which shows the token. Each has its own connections.
func (r *rig) client() *http.Client {
	client := r.box.client()
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig.RootCAs = r.roots
	if r.alias {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, r.places[address])
		}
	}
	if r.open {
		transport.Proxy = nil // requests are made for it by hand
	}
	client.Transport = &shows{r, transport}
	return client
}

// shows is a client's transport, which adds the token.
type shows struct {
	r *rig
	*http.Transport
}

// RoundTrip implements http.RoundTripper.
func (s *shows) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if !s.r.token.Empty() {
		s.r.tokens.Present(req.Header, s.r.token)
	}
	if s.r.open { // absolute-form to the proxy, which http.Transport does for http only
		opaque := req.URL.Scheme + "://" + req.URL.Host + req.URL.EscapedPath()
		req.URL = &url.URL{Scheme: "http", Host: s.r.proxy.Host, Opaque: opaque, RawQuery: req.URL.RawQuery}
	}
	return s.Transport.RoundTrip(req)
}
