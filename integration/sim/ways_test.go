package sim

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// everyKind downloads a package with each kind of client, and returns what became of each file.
func everyKind(t *testing.T, c ClientConfig, location string) map[string][]Result {
	t.Helper()
	plain, err := NewPlain(c)
	if err != nil {
		t.Fatal(err)
	}
	bits := newBITS(t, c.Library, func(b *BITSConfig) { b.ClientConfig, b.MaxRetries = c, 1 })
	ccm := newCCM(t, BITSConfig{ClientConfig: c}).Download(t.Context(), location)
	ts := newTS(t, c).Download(t.Context(), location)
	if ccm.Err != nil || ts.Err != nil {
		t.Errorf("CCM: %v; task sequence: %v", ccm.Err, ts.Err)
	}
	file := location + "/sccm?/setup.exe"
	return map[string][]Result{
		"BITS": {bits.Download(t.Context(), file)}, "CCM": ccm.Files, "task sequence": ts.Files,
		"plain": {plain.Get(t.Context(), file), plain.Get(t.Context(), file, Range{1000, 70_000})},
	}
}

// TestEveryClientOnEveryWay: straight, by an alias that leads elsewhere, and by a proxy; plain and over TLS; anonymous, with
// an account and with a token.
func TestEveryClientOnEveryWay(t *testing.T) {
	d, ca, tokens := newSecureDP(t, TokensConfig{})
	d.config.Library = newSmallLibrary(t)
	account := testAccount()
	base := ClientConfig{Library: d.config.Library, RootCAs: ca.Pool()}
	withAccount, withToken := base, base
	withAccount.Account, withToken.Token = &account, tokens.Issue(time.Hour)
	proxy, _ := newProxy(t)
	places := map[string]string{"dp.branch.test:80": d.Address("http"), "dp.branch.test:443": d.Address("https")}
	for _, way := range []struct {
		name, host string
		proxy      *url.URL
		places     map[string]string
	}{
		{"straight", "", nil, nil},
		{"by a proxy", "", proxy, nil},
		{"by an alias", "dp.branch.test", nil, places},
	} {
		for _, tt := range []struct {
			name   string
			scheme string
			vdir   Vdir
			config ClientConfig
		}{
			{"account, http", "http", VdirPlain, withAccount},
			{"account, https", "https", VdirPlain, withAccount},
			{"token, https", "https", VdirToken, withToken},
		} {
			if way.proxy != nil && tt.scheme == "http" {
				continue // the test's proxy pools its connections, which a login does not survive
			}
			t.Run(way.name+", "+tt.name, func(t *testing.T) {
				tt.config.Proxy, tt.config.Resolve = way.proxy, way.places
				location := d.URL(tt.scheme)
				if way.host != "" {
					location = tt.scheme + "://" + way.host
				}
				location += "/" + tt.vdir.String() + "SMS_DP_SMSPKG$/" + testPackage
				for client, results := range everyKind(t, tt.config, location) {
					for _, r := range results {
						if r.Err != nil || r.File == nil || (r.Issuer == "SMS Issuing") != (tt.scheme == "https") {
							t.Errorf("%s: %v, file %v, issuer %q", client, r.Err, r.File, r.Issuer)
						}
					}
				}
			})
		}
	}
	for _, c := range d.Connections() {
		if len(c.Users) > 1 {
			t.Errorf("connection %d served %v", c.ID, c.Users)
		}
	}
}

// TestAliasOnTheWire: the DP sees the alias, as it would from a client that knows no other name.
func TestAliasOnTheWire(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	d := newTestDP(t, DPConfig{HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", Host: "Alias.Branch.test", CA: ca, Library: newSmallLibrary(t)})
	c := ClientConfig{Library: d.config.Library, RootCAs: ca.Pool(), Resolve: map[string]string{
		"alias.branch.test:80": d.Address("http"), "alias.branch.test:443": d.Address("https"),
	}}
	for scheme, sni := range map[string]string{"http": "", "https": "alias.branch.test"} {
		r := newTS(t, c).Download(t.Context(), scheme+"://Alias.Branch.test/SMS_DP_SMSPKG$/"+testPackage)
		if r.Err != nil {
			t.Errorf("%s: %v", scheme, r.Err)
		}
		for _, e := range d.Log().Entries() {
			if e.Scheme == scheme && (e.Host != "Alias.Branch.test" || e.ServerName != sni) {
				t.Errorf("%s: the DP saw host %q, server name %q", scheme, e.Host, e.ServerName)
			}
		}
	}
	if got := d.URL("https"); !strings.HasPrefix(got, "https://Alias.Branch.test:") {
		t.Errorf("URL %q", got)
	}
}

func TestResolveIsChecked(t *testing.T) {
	for from, to := range map[string]string{"dp": "127.0.0.1:80", "dp:80": "127.0.0.1", "DP:80": "127.0.0.1:80", "dp:": "127.0.0.1:80"} {
		if _, err := NewPlain(ClientConfig{Library: NewLibrary(), Resolve: map[string]string{from: to}}); err == nil {
			t.Errorf("%q to %q is accepted", from, to)
		}
	}
}

// TestListenBeyondLoopback: only on request does a DP listen where others could reach it.
func TestListenBeyondLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:80", "nothing:80", "127.0.0.1"} {
		if _, err := NewDP(DPConfig{Name: "x", Library: NewLibrary(), HTTPAddr: addr}); err == nil {
			t.Errorf("%q is accepted", addr)
		}
	}
	d, err := NewDP(DPConfig{Name: "x", Library: NewLibrary(), HTTPAddr: "192.0.2.1:80", AnyAddress: true, Host: "dp.test"})
	if err != nil || d.URL("http") != "http://dp.test" {
		t.Fatalf("%v, URL %q", err, d.URL("http"))
	}
	var refused *net.OpError
	if err := d.Start(); err == nil || !errors.As(err, &refused) { // TEST-NET-1 is nobody's address
		t.Errorf("it listens on an address that is not there: %v", err)
	}
}
