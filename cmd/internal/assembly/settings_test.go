package assembly

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

func parse(t *testing.T, text string) *configs.Config {
	t.Helper()
	c, err := configs.Parse([]byte("cache: {directory: /c}\nadmin: {token_file: /t}\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestCacheConfig(t *testing.T) {
	c := parse(t, "").Cache
	c.MaxBytes, c.MinFreeBytes, c.CheckAfter, c.ParallelWindows, c.WindowBytes = 100<<20, 7<<20, configs.Duration(time.Hour), 3, 2<<20
	got := cacheConfig(c)
	if got.Directory != "/c" || got.MaxBytes != 100<<20 || got.MinFreeBytes != 7<<20 || got.CheckAfter != time.Hour ||
		got.ParallelWindows != 3 || got.WindowBytes != 2<<20 {
		t.Errorf("the cache gets %+v", got)
	}
	c.CheckAfter = 0
	if got := cacheConfig(c).CheckAfter; got <= 0 || got > time.Microsecond {
		t.Errorf("check_after 0, every time, becomes %v", got)
	}
}

func TestUpstreamConfig(t *testing.T) {
	c := parse(t, `
distribution_points: [{url: "http://DP1", audience: mine}, {url: "https://cloud:8443", hierarchy: west}]
upstream: {connect_timeout: 1s, response_timeout: 2s, stall_timeout: 3s, give_up_after: 4s, max_connections_per_host: 5,
  failures_to_open: 6, cool_down: 7s, token_endpoint_port: 8}
token: {header_name: X-Token, credential_headers: [X-More], vdirs: [token_auth, no_cert]}
`)
	got := upstreamConfig(c)
	want := upstream.Config{
		Locations: []upstream.Location{
			{Base: "http://dp1", TokenBase: "https://dp1:8", Hierarchy: "default", Audience: "mine"},
			{Base: "https://cloud:8443", TokenBase: "https://cloud:8443", Hierarchy: "west", Audience: "west"},
		},
		TokenVdirs: []content.Vdir{content.TokenAuth, content.NoCert}, TokenEndpointPort: 8,
		CredentialHeaders: []string{"Authorization", "X-Token", "X-More"}, TokenHeader: "X-Token",
		ConnectTimeout: time.Second, HeaderTimeout: 2 * time.Second, StallTimeout: 3 * time.Second, GiveUpAfter: 4 * time.Second,
		MaxConnsPerHost: 5, FailuresToOpen: 6, CoolDown: 7 * time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the pool gets %+v\nwant %+v", got, want)
	}
}

func TestProxyListener(t *testing.T) {
	c := parse(t, `
distribution_points: [{url: "http://dp1"}, {url: "http://dp2:8080", token_url: "https://dp2:8443"}]
management_points: [mp1, "https://mp2:8443", "mp3:80", "[2001:db8::1]"]
cloud_management_gateways: [cmg, "cmg:8443"]
listeners:
  - {name: here, address: "127.0.0.1:8080", max_connections: 9}
  - {name: office, address: "10.0.0.1:8080", allow_hosts: ["*.example.com"], connect_ports: [443, 8443]}
  - {name: lab, address: ":8088", entitlement: network, networks: [10.1.0.0/16]}
  - {name: alias, address: "127.0.0.1:80", kind: gateway, distribution_point: dp2}
  - {name: secure, address: ":443", kind: gateway, distribution_point: dp2, tls: {names: [alias]}}
`)
	site := []string{"dp1:80", "dp1:443", "dp1:80", "dp1:443", "dp2:8080", "dp2:8443", "mp1:80", "mp1:443", "mp2:8443", "mp3:80", "mp3:443",
		"[2001:db8::1]:80", "[2001:db8::1]:443", "cmg:80", "cmg:443", "cmg:8443"}
	caught := c.Listeners[0] // of a kind that not every system can parse
	caught.Kind, caught.Entitlement = configs.KindTransparent, "origin"
	c.Listeners = append(c.Listeners, caught)
	c.Interception.Hosts = []string{"seen", "*.corp"}
	for i, want := range []proxy.Listener{
		{Name: "here", Entitlement: proxy.Machine, AnyHost: true, ConnectPorts: []string{"443"}, MaxConnections: 9},
		{Name: "office", Entitlement: proxy.Origin, Hosts: append(slices.Clone(site), "*.example.com"), ConnectPorts: []string{"443", "8443"}, MaxConnections: 4096},
		{Name: "lab", Entitlement: proxy.Network, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Hosts: site,
			ConnectPorts: []string{"443"}, MaxConnections: 4096},
		{Name: "alias", Entitlement: proxy.Origin, Gateway: "http://dp2:8080", Hosts: site, MaxConnections: 4096},
		{Name: "secure", Entitlement: proxy.Origin, Gateway: "https://dp2:8443", Names: []string{"alias", "dp2", "dp2", hostName()}, Hosts: site,
			MaxConnections: 4096},
		{Name: "here", Entitlement: proxy.Origin, Transparent: true, Hosts: append(slices.Clone(site), "seen:443"), ConnectPorts: []string{"443"}, MaxConnections: 9},
	} {
		want.PointedHosts = pointedHosts(c)
		if got := proxyListener(c, c.Listeners[i]); !reflect.DeepEqual(got, want) {
			t.Errorf("the listener is %+v\nwant %+v", got, want)
		}
	}
}

func TestTokenSources(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"the default": {"", []string{"request", "task-sequence", "environment"}},
		"all, and some twice": {
			`token: {sources: [{type: file, file: /f}, {type: request}, {type: file, file: /g}, {type: command, command: [x]}, {type: task_sequence}]}`,
			[]string{"file", "request", "file-2", "command", "task-sequence", "environment"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := tokenConfig(parse(t, c.text), nil, silent())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range config.Sources {
				got = append(got, s.Name())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("sources are %q, want %q", got, c.want)
			}
			broker, err := tokenbroker.New(config)
			if err != nil {
				t.Fatalf("the broker refuses them: %v", err)
			}
			if err := closeBroker(broker); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTokenConfig(t *testing.T) {
	c := parse(t, `token: {sources: [], header_name: X-Token, header_format: "T {token}", max_age: 1h, refresh_before: 0}`)
	got, err := tokenConfig(c, nil, silent())
	if err != nil {
		t.Fatal(err)
	}
	if got.Presentation.HeaderName != "X-Token" || got.Presentation.HeaderFormat != "T {token}" || got.MaxAge != time.Hour {
		t.Errorf("the broker gets %+v", got)
	}
	if got.RefreshBefore <= 0 || got.RefreshBefore > time.Microsecond {
		t.Errorf("refresh_before 0, at expiry, becomes %v", got.RefreshBefore)
	}
}

// TestObserver checks that only tokens for configured distribution points are learned, and each for its own audience.
func TestObserver(t *testing.T) {
	points := parse(t, `distribution_points: [{url: "http://DP1"}, {url: "https://cloud.example:8443", audience: cloud.example}]`)
	for host, want := range map[string]string{
		"dp1:80": "default", "dp1:443": "default", "cloud.example:8443": "cloud.example",
		"cloud.example:443": "", "dp2:80": "", "dp1:8080": "", "": "",
	} {
		t.Run(host, func(t *testing.T) {
			config, err := tokenConfig(points, nil, silent())
			if err != nil {
				t.Fatal(err)
			}
			broker, err := tokenbroker.New(config)
			if err != nil {
				t.Fatal(err)
			}
			newObserver(broker, points).Observe(host, http.Header{"Authorization": {"Bearer shown"}})
			for _, audience := range []string{"default", "cloud.example"} {
				h := http.Header{}
				_, err := authorizer{broker}.Authorize(t.Context(), audience, h)
				if got := h.Get("Authorization") == "Bearer shown"; got != (audience == want) {
					t.Errorf("there is a token for %s: %v (%v), want it for %q", audience, got, err, want)
				}
			}
			if err := closeBroker(broker); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAliases: a gateway that gives away what our token opens, in plain HTTP, answers by its own names, and any other by those that
// somebody has named.
func TestAliases(t *testing.T) {
	c := parse(t, `
distribution_points: [{url: "http://dp1:8080", token_url: "https://token1"}]
listeners:
  - {name: asked, address: ":1", kind: gateway, distribution_point: dp1}
  - {name: asked and named, address: ":2", kind: gateway, distribution_point: dp1, allow_hosts: [Alias, "*.branch"]}
  - {name: trusting, address: ":3", kind: gateway, distribution_point: dp1, entitlement: network, networks: [10.0.0.0/8]}
  - {name: trusting with a file, address: ":4", kind: gateway, distribution_point: dp1, entitlement: network, networks: [10.0.0.0/8],
     tls: {certificate_file: /c, key_file: /k}}
  - {name: trusting with names, address: ":5", kind: gateway, distribution_point: dp1, entitlement: network, networks: [10.0.0.0/8],
     tls: {names: [secure]}, allow_hosts: [other]}
  - {name: forward, address: ":6", entitlement: network, networks: [10.0.0.0/8], allow_hosts: [far]}
`)
	own := []string{"dp1", "token1", hostName()}
	for i, want := range [][]string{nil, append([]string{"alias", "*.branch"}, own...), own, nil, append([]string{"secure", "other"}, own...), nil} {
		got := proxyListener(c, c.Listeners[i]).Names
		if !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s answers by %q, want %q", c.Listeners[i].Name, got, want)
		}
	}
}
