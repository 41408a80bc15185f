package configs

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestNothingMeansDefault(t *testing.T) {
	setHome(t)
	for name, text := range map[string]string{
		"empty":                            "",
		"only a comment":                   "# nothing\n",
		"only a mark":                      "---\n",
		"empty sections":                   "cache:\nlisteners:\ntoken:\n  sources:\nadmin: ~\n",
		"the example":                      Example(),
		"the example, by a Windows editor": strings.ReplaceAll(Example(), "\n", "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			want := settings()
			want.complete()
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestExampleHasEverySetting keeps the example a manual: no key of any section may be missing in it.
func TestExampleHasEverySetting(t *testing.T) {
	var visit func(section reflect.Type)
	visit = func(section reflect.Type) {
		if section.Kind() == reflect.Slice {
			section = section.Elem()
		}
		if section.Kind() != reflect.Struct || section == reflect.TypeFor[Network]() {
			return
		}
		for i, key := range keysOf(section) {
			if !strings.Contains(Example(), key+":") {
				t.Errorf("the example does not have %s of %s", key, section.Name())
			}
			visit(section.Field(i).Type)
		}
	}
	visit(reflect.TypeFor[Config]())
}

// everything sets every setting to something that is not its default.
const everything = `
listeners:
  - {name: here, address: "localhost:3128", kind: forward, entitlement: origin, max_connections: 10, connect_ports: []}
  - address: ":8080"
    allow_hosts: ["*.Example.com", "wsus.example.com:8531", "[2001:db8::1]:80"]
    connect_ports: [443, 8443]
  - {name: branch, address: "10.1.0.5:8080", entitlement: network, networks: [10.1.0.0/16, "2001:db8::/32"]}
  - {name: alias, address: "10.1.0.5:80", kind: gateway, distribution_point: "DP1.example.com:8080"}
  - {name: alias-tls, address: "127.0.0.1:443", kind: gateway, distribution_point: "2001:db8::1", tls: {names: [DP.branch, 10.1.0.5]}}
  - {name: alias-file, address: "10.1.0.6:443", kind: gateway, distribution_point: "cloud.example.com",
     tls: {certificate_file: /tls/a.pem, key_file: /tls/a.key}}
hierarchy: contoso
distribution_points:
  - url: HTTP://DP1.example.com:8080/
  - {url: "https://cloud.example.com:8443", hierarchy: other, audience: cloud.example.com}
  - {url: "http://[2001:db8::1]:80", token_url: "https://dp3.example.com"}
cloud_management_gateways: [CMG.example.com, "cmg2.example.com:8443"]
site:
  code: ps1
  host: BOX01
  fqdn: box01.example.com
  management_point: HTTPS://MP1.example.com:8443
  directory: ccm_system_windowsauth
  windows_login: {user: 'EXAMPLE\BOX01$', password_file: /password}
  gateway: https://cmg.example.com/CCM_Proxy_ServerAuth/72186325152220500
  signature: {hash: sha1, authenticator: ccmclient, id_form: braces, suffix: none, without_oid: true, unnamed_key: true, raw: true, reply_compression: none}
  place: {ad_site: Branch, forest: example.com, domain: emea.example.com, networks: [10.1.0.5/24]}
  locations: {max_age: 5m, attributes: {UseInternetDP: "1", AllowWUMU: ""}, deployment_flags: 0x8000000000000000, unsigned: true, localities: [A],
    site_localities: [B], cloud_types: [C]}
  dp_token: {delivery: token-manager, paths: [A/@B], expiry_paths: [A/@C], body: <A/>, decode: hex, max_age: 1h}
  ccm_token: {header: CCMToken, format: "{token}"}
  sts: {method: POST, path: /S, carriage: body, carrier: {header: X-T, format: "a {token}"}, body: "t={token}", content_type: a/b, reply: "json:a.b",
    expiry: "header:E", max_age: 2h}
  registration: {internet_flag: 1, properties: {"AD Site Name": Branch}, sign_confirmation: true}
identity: {directory: /identity, pfx_file: /a.pfx, password_file: /p}
entra: {type: client_credentials, tenant: t, client_id: c, certificate_file: /c.pem, key_file: /k.pem, resource: "https://r", authority: "https://Login.example.com/"}
interception: {ca_directory: /ca, hosts: ["*.Blob.example.com", dp1.example.com], tunnel_hosts: [mp1.example.com]}
cloud: {blob_hosts: ["Storage.example.com"], manifest: {file: A/F, path: Name, size: Length, url: "@U"}}
management_points: [MP1.example.com, "https://mp2.example.com:8443/"]
upstream: {ca_files: [/a.pem], connect_timeout: 1s, response_timeout: 2s, stall_timeout: 3s, give_up_after: 1m30s,
  max_connections_per_host: 5, failures_to_open: 6, cool_down: 7s, token_endpoint_port: 8443}
cache: {directory: /var/cache/branchpoint, max_bytes: 1.TB, min_free_bytes: 0, check_after: 0, parallel_windows: 2, window_bytes: 1MiB}
entitlement: {verdict_age: 0s, grace: 0s}
token:
  sources: [{type: command, command: [/bin/get, "-x"]}, {type: file, file: /t}, {type: task_sequence, env: X}]
  header_name: X-Token
  header_format: "{token}"
  credential_headers: [X-Other]
  max_age: 1h
  refresh_before: 0
  vdirs: [plain, no_cert, token_auth]
admin: {address: "[::1]:9000", token_file: /t/admin}
log: {level: debug, format: json}
tunnel_idle_timeout: 1h
shutdown_timeout: 1m
`

func TestEverySetting(t *testing.T) {
	c, err := Parse([]byte(strings.Replace(everything, "1.TB", "1TB", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"name from the address", c.Listeners[1].Name, ":8080"},
		{"entitlement of a network listener", c.Listeners[1].Entitlement, originEntitlement},
		{"ports default", c.Listeners[2].ConnectPorts, []int{443}},
		{"no CONNECT", len(c.Listeners[0].ConnectPorts), 0},
		{"connections default", c.Listeners[1].MaxConnections, 4096},
		{"hosts in lower case", c.Listeners[1].AllowHosts[0], "*.example.com"},
		{"network", c.Listeners[2].Networks[0].String(), "10.1.0.0/16"},
		{"a gateway has no CONNECT", len(c.Listeners[3].ConnectPorts), 0},
		{"a plain gateway", c.Behind(c.Listeners[3]).URL, "http://dp1.example.com:8080"},
		{"a gateway on loopback, which a web page can speak to", c.Listeners[4].Entitlement, originEntitlement},
		{"behind an IPv6 gateway", c.Behind(c.Listeners[4]).TokenURL, "https://dp3.example.com"},
		{"certificates from files", c.Listeners[5].TLS.On(), true},
		{"behind a forward proxy", c.Behind(c.Listeners[0]), DistributionPoint{}},
		{"names to see into", c.InterceptedNames(), []string{"*.blob.example.com", "2001:db8::1", "cloud.example.com", "cmg.example.com",
			"cmg2.example.com", "dp1.example.com", "dp3.example.com"}},
		{"names for the authority", c.AuthorityNames(), []string{"*.blob.example.com", "10.1.0.5", "2001:db8::1", "cloud.example.com",
			"cmg.example.com", "cmg2.example.com", "dp.branch", "dp1.example.com", "dp3.example.com"}},
		{"site", c.Site.Code, "PS1"},
		{"management point of the site", c.Site.ManagementPoint, "https://mp1.example.com:8443"},
		{"flags", c.Site.Locations.DeploymentFlags, Flags(1 << 63)},
		{"attributes", c.Site.Locations.Attributes, map[string]string{"UseInternetDP": "1", "AllowWUMU": ""}},
		{"networks of this machine", c.Site.Place.Networks[0].String(), "10.1.0.5/24"},
		{"true", c.Site.Registration.SignConfirmation, true},
		{"who speaks for the site", c.SiteHosts(), []string{"cmg.example.com:443", "cmg2.example.com:8443", "mp1.example.com:443", "mp1.example.com:80",
			"mp1.example.com:8443", "mp2.example.com:8443"}},
		{"issued", c.Identity.Issued(), true},
		{"authority of Entra", c.Entra.Authority, "https://login.example.com"},
		{"manifest", c.Cloud.Manifest, CloudManifest{"A/F", "Name", "Length", "@U"}},
		{"blob hosts", c.Cloud.BlobHosts, []string{"storage.example.com"}},
		{"idle tunnels", c.TunnelIdleTimeout, minutes(60)},
		{"plain DP", c.DistributionPoints[0], DistributionPoint{"http://dp1.example.com:8080", "https://dp1.example.com:8443", "contoso", "contoso"}},
		{"cloud DP", c.DistributionPoints[1], DistributionPoint{"https://cloud.example.com:8443", "https://cloud.example.com:8443", "other", "cloud.example.com"}},
		{"DP with a token URL", c.DistributionPoints[2].TokenURL, "https://dp3.example.com"},
		{"management points", c.ManagementPoints, []string{"mp1.example.com", "https://mp2.example.com:8443"}},
		{"decimal size", c.Cache.MaxBytes, Bytes(1e12)},
		{"zero size", c.Cache.MinFreeBytes, Bytes(0)},
		{"timeout default", c.Token.Sources[0].Timeout, seconds(10)},
		{"duration", c.Upstream.GiveUpAfter, seconds(90)},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	text, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(again, c) {
		t.Errorf("written and read again: got %+v\nwant %+v\n%s", again, c, text)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	setHome(t)
	_, err := Parse([]byte(`listenrs: 1
cache:
  max_byts: 3
  max_bytes: 10
  window_bytes: [1]
log: {level: inf}
distribution_points:
  - token_url: http://dp1
shutdown_timeout: 5
`))
	want := `1:1: unknown key "listenrs"; did you mean listeners?
3:3: cache: unknown key "max_byts"; did you mean max_bytes?
4:14: cache.max_bytes: 10B is less than parallel_windows times window_bytes; write at least 16MiB
5:17: cache.window_bytes: this is a list; write a single value
6:14: log.level: unknown level "inf"; did you mean info?
8:5: distribution_points[0].url: this is required; write http://dp1.example.com
8:16: distribution_points[0].token_url: "http://dp1" is not an https URL; write https://dp1.example.com
9:19: shutdown_timeout: "5" has no unit; write 5s for seconds or 5m for minutes`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if problems, ok := errors.AsType[Problems](err); !ok || len(problems) != 8 {
		t.Errorf("got %d problems, want 8", len(problems))
	}
}

// setHome gives the test directories of its own: the machine may have none.
func setHome(t *testing.T) {
	t.Helper()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LocalAppData", "AppData"} {
		t.Setenv(name, t.TempDir())
	}
}

func TestNoHome(t *testing.T) {
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LocalAppData", "AppData"} {
		t.Setenv(name, "")
	}
	_, err := Parse(nil)
	if want := "cache.directory: this is required; write the path of a directory: the system names none for this user"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	c, err := Parse([]byte("cache: {directory: /data/cache}"))
	if err != nil {
		t.Fatal(err)
	}
	if want := keepsake("/data/cache", "ca"); c.Interception.CADirectory != want || !strings.HasSuffix(want, "ca") {
		t.Errorf("directory of the CA %q", c.Interception.CADirectory)
	}
	if want := keepsake("/data/cache", "admin.token"); c.Admin.TokenFile != want || !strings.HasSuffix(want, "admin.token") {
		t.Errorf("token file %q", c.Admin.TokenFile)
	}
}

// TestTransparent: the kind is for Linux, and its clients are nobody's own by default.
func TestTransparent(t *testing.T) {
	setHome(t)
	c, err := Parse([]byte("listeners: [{address: '127.0.0.1:1', kind: transparent}]"))
	if runtime.GOOS != "linux" {
		if err == nil || !strings.Contains(err.Error(), "needs Linux") {
			t.Errorf("accepted on %s: %v", runtime.GOOS, err)
		}
		return
	}
	if err != nil || c.Listeners[0].Entitlement != originEntitlement || len(c.Listeners[0].ConnectPorts) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
	f := newFindings("")
	f.platform("listeners[0].kind", KindTransparent, "windows")
	if len(f.problems) != 1 || !strings.HasPrefix(f.problems[0].String(), "listeners[0].kind: a transparent listener needs Linux") {
		t.Errorf("on Windows: %v", f.problems)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{Example(), everything, "a: &x [*x]\n<<: {b: c}\n", "? [a]\n: !!str b\n---\n...\n", "cache: {max_bytes: 99999999999TiB}",
		"listeners: [{address: \":0\"}, ~, 3, [[]], {}]", "\t", "%YAML 1.2\n---\n", "hierarchy: |\n  a\n  b\n", "hierarchy: .inf\nlog: {level: .nan}",
		"listeners: [{address: ':1', kind: gateway, distribution_point: a, tls: {names: [b]}}, {address: ':2', kind: transparent}]\n" +
			"distribution_points: [{url: 'https://a'}]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			if problems, ok := errors.AsType[Problems](err); !ok || len(problems) == 0 || c != nil {
				t.Fatalf("Parse(%q) = %v, %v", text, c, err)
			}
			return
		}
		out, err := Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("Parse(%q) = %+v\nwritten: %s\nread again: %+v, %v", text, c, out, again, err)
		}
	})
}

// TestThumbprint: one is taken as Windows shows it, with the invisible mark that its dialog puts before what is copied.
func TestThumbprint(t *testing.T) {
	setHome(t)
	for text, ok := range map[string]bool{
		"af576f61f5ab9d42d90fd464ed5b84fc473de54f":                          true,
		"\u200eAF 57 6F 61 F5 AB 9D 42 D9 0F D4 64 ED 5B 84 FC 47 3D E5 4F": true,
		"\u200fAF576F61F5AB9D42D90FD464ED5B84FC473DE54F":                    false,
	} {
		_, err := Parse([]byte("site: {code: PS1, management_point: 'https://mp1'}\nidentity: {store: {thumbprint: '" + text + "'}}"))
		if told := err != nil && strings.Contains(err.Error(), "thumbprint"); told == ok {
			t.Errorf("%q is taken %v: %v", text, !told, err)
		}
	}
}
