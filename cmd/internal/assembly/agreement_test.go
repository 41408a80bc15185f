package assembly

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/site"
)

// TestWhatIsCheckedCanBeServed puts files to the checker and to the parts that they are for: what the one accepts the
// others have to accept, or "config check" would say "ok" where "serve" refuses.
func TestWhatIsCheckedCanBeServed(t *testing.T) {
	accepted, asked := 0, 0
	for _, text := range corpus(t) {
		c, err := configs.Parse([]byte("cache: {directory: /c}\nadmin: {token_file: /t}\n" + text))
		if err == nil {
			err = askable(c)
		}
		if err != nil {
			continue
		}
		accepted++
		if c.Site.On() {
			asked++
		}
		if err := start(t, c); err != nil {
			t.Errorf("%v, for a file that is accepted:\n%s", err, text)
		}
	}
	if accepted < 100 || asked < 30 {
		t.Errorf("only %d files are accepted, %d with a site; the corpus says too little", accepted, asked)
	}
}

// askable is how "config check" finds out whether the settings of the site can work.
func askable(c *configs.Config) error {
	ends, err := atsite.Open(c, atsite.Options{SettingsOnly: true})
	if err == nil {
		ends.Close()
	}
	if errors.Is(err, atsite.ErrNoSite) {
		return nil
	}
	return err
}

// join makes this machine's place in its site, as openStation does.
func join(t *testing.T, c *configs.Config) error {
	c.Identity.Directory = t.TempDir()
	ends, err := atsite.Open(c, atsite.Options{})
	if errors.Is(err, atsite.ErrNoSite) {
		return nil
	}
	if err != nil {
		return err
	}
	defer ends.Close()
	asked, err := site.New(siteConfig(c, ends))
	if err != nil {
		return err
	}
	return asked.Close(t.Context())
}

// start makes the parts that have rules of their own, as Serve does.
func start(t *testing.T, c *configs.Config) error {
	if err := join(t, c); err != nil {
		return fmt.Errorf("the site: %w", err)
	}
	config, err := tokenConfig(c, nil, silent())
	if err != nil {
		return fmt.Errorf("the sources: %w", err)
	}
	broker, err := tokenbroker.New(config)
	if err != nil {
		return err
	}
	pool, err := upstream.New(upstreamConfig(c))
	if err == nil {
		pool.Close()
	}
	if err := closeBroker(broker); err != nil {
		t.Error(err)
	}
	return err
}

// corpus returns files around every edge that a part may refuse.
func corpus(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../configs/testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := []string{configs.Example()[strings.Index(configs.Example(), "\ndistribution_points:"):]}
	for part := range strings.SplitSeq(string(text), "\n=== ") {
		_, rest, _ := strings.Cut(part, "\n")
		file, _, _ := strings.Cut(rest, "\n--->")
		files = append(files, file)
	}
	for _, vary := range []struct {
		format string
		values []string
	}{
		{"token: {header_name: %q}", headerNames},
		{"token: {credential_headers: [%q]}", headerNames},
		{"token: {header_format: %q}", []string{"{token}", "Bearer {token}", "{token}{token}", "", "a", "{token}\x7f", "{token}ü", " {token} "}},
		{"token: {sources: [{type: task_sequence, env: %q}]}", variables},
		{"hierarchy: %q", []string{"a", "host", "host:", "host:x", "HOST:x", "hosts:x", "ghost:x", "ü", "a/b", "a b", strings.Repeat("x", 255)}},
		{`distribution_points: [{url: "http://dp1"}, {url: %q}]`, urls},
		{`distribution_points: [{url: "http://[::1]"}, {url: %q}]`, urls},
		{`distribution_points: [{url: "http://dp1", token_url: %q}]`, urls},
		{`distribution_points: [{url: "https://dp1:443"}, {url: %q, hierarchy: west, audience: mine}]`, urls},
		{"upstream: {token_endpoint_port: %s}\ndistribution_points: [{url: 'http://[::1]:81'}]", []string{"0", "1", "443", "65535", "65536"}},
		{"upstream: {cool_down: %s}", durations},
		{"upstream: {stall_timeout: %s, connect_timeout: 1ns}", durations},
		{"token: {max_age: %s}", durations},
		{"token: {max_age: %s, refresh_before: 0}", durations},
		{"token: {max_age: 1h, refresh_before: %s}", durations},
		{"token: {sources: [{type: command, command: [x], timeout: %s}]}", durations},
		{"token: {sources: [%s, {type: file, file: /f}, {type: file, file: /f}, {type: command, command: [x]}, {type: command, command: [x, '']}]}",
			[]string{"{type: request}", "{type: task_sequence}", "{type: request}, {type: task_sequence}", "{type: request}, {type: request}",
				"{type: task_sequence}, {type: task_sequence, env: A}", "{type: command, command: ['']}", "{type: file}"}},
		{"token: {sources: [%s]}", []string{"", manySources}},
		{"site: {code: PS1, management_point: 'http://mp1', %s}", siteSettings},
		{"site: {code: PS1, management_point: 'https://mp1', bulk_token_file: f, %s}", siteSettings},
		{"site: {code: PS1, gateway: 'https://cmg/CCM_Proxy_MutualAuth/7', bulk_token_file: f, sts: {method: POST, reply: 'json:a', %s}}",
			[]string{"carriage: body", "carriage: header", "path: /a", "path: '/a?b'", "path: a", "expiry: 'xml:A/B'", "expiry: 'xml:A B'", "expiry: 'header:A B'",
				"body: '<a>{token}</a>', carriage: body", "content_type: text/xml", "content_type: \"a\\nb\""}},
		{"site: {code: PS1, management_point: 'https://mp1'}\nentra: {%s}", []string{"type: managed_identity", "type: file, file: f", "type: command, command: [a]",
			"type: device_code, tenant: a.example.org, client_id: a", "type: device_code, tenant: a/b, client_id: a", "type: device_code, tenant: token.example.org, client_id: a",
			"type: client_credentials, tenant: a, client_id: a, secret_file: f", "type: client_credentials, tenant: a b, client_id: a, secret_file: f"}},
		{"site: {code: PS1, management_point: 'http://mp1'}\ncloud: {manifest: {%s}}", []string{"file: A/B", "file: a b", "path: '@a'", "path: '@a b'", "file: 'A/@b'", "url: ''"}},
		{"token: {vdirs: [%s]}", []string{"", "plain", "no_cert, token_auth", "token_auth, plain, no_cert"}},
	} {
		for _, value := range vary.values {
			files = append(files, fmt.Sprintf(vary.format, value))
		}
	}
	return files
}

var (
	headerNames = []string{"Authorization", "X-Token", "If-Range", "if-none-match", "Range", "Te", "TE", "Host", "Via", "Cookie", "Upgrade",
		"Proxy-Authorization", "Proxy-Anything", "Connection", "Keep-Alive", "Trailer", "Transfer-Encoding", "Content-Length", "Expect",
		"Accept", "User-Agent", "X-P2P-PeerDist", "a b", "", "ü", "!#$%&'*+-.^_`|~", "x\x00"}
	siteSettings = []string{"", "directory: ccm_system_altauth", "directory: 0ccm", "directory: ccm_system_windowsauth", "directory: ccm_system_tokenauth",
		"directory: ccm_system_windowsauth, windows_login: {user: a, password_file: f}", "fqdn: a.example.org", "host: A", "host: A-1",
		"signature: {suffix: ü}", "signature: {suffix: ';1'}", "signature: {authenticator: clienttoken, suffix: none}", "signature: {hash: sha1}",
		"dp_token: {paths: ['a//']}", "dp_token: {paths: ['a//b/@c', '*']}", "dp_token: {expiry_paths: ['@']}", "dp_token: {expiry_paths: ['A/@b']}",
		"dp_token: {delivery: token-manager, body: none}", "dp_token: {delivery: token-services, body: <A/>}", "dp_token: {decode: cms-enveloped}", "dp_token: {delivery: sts}",
		"locations: {attributes: {'a b': c}}", "locations: {attributes: {UseAzure: ''}}", "locations: {unsigned: true, deployment_flags: 0}",
		"sts: {carriage: body}", "sts: {method: POST, carriage: body}", "sts: {path: '/a?'}", "sts: {reply: 'xml:a b'}", "sts: {reply: 'xml:A/B', expiry: 'json:a.b'}",
		"ccm_token: {header: X-Token, format: '{token}'}", "registration: {internet_flag: 2, properties: {A: b}}", "registration: {properties: {'': b}}", "place: {networks: [10.0.0.1/8]}"}
	variables = []string{"_SMSTSDPAuthToken", "A", "A=B", "A B", "ü", "\x00", "a\tb", strings.Repeat("v", 64), strings.Repeat("v", 65), ""}
	urls      = []string{"http://dp1", "http://dp1/", "http://dp1//", "HTTP://DP1:80", "http://dp1:080", "http://dp1:8080", "https://dp1",
		"https://dp1:443", "https://dp1:0443", "https://dp1:0", "http://dp1:65535", "http://dp1:65536", "http://dp1:", "http://", "dp1",
		"http://[::1]", "http://[0::1]:80", "http://[::1%25eth0]:80", "https://[::1%25eth0]", "http://u@dp1", "http://dp1?", "http://dp1#", "http://dp1/x", "ftp://dp1",
		"http://10.0.0.1", "http://dp_1", "http://dp1.", "http://%64p1", ""}
	durations   = []string{"0", "1ns", "2ns", "999ms", "1s", "5m", "29s", "29999ms", "30s", "1h", "59m59s", "24h", "2000000h"}
	manySources = strings.Repeat("{type: file, file: /f}, ", 99) + "{type: file, file: /f}"
)

// TestOneCommandTimeout checks that the configuration promises what the broker keeps.
func TestOneCommandTimeout(t *testing.T) {
	c := parse(t, `token: {sources: [{type: command, command: [x]}]}`)
	if got := time.Duration(c.Token.Sources[0].Timeout); got != tokenbroker.DefaultCommandTimeout {
		t.Errorf("the default is %v, and the broker's %v", got, tokenbroker.DefaultCommandTimeout)
	}
	for limit, want := range map[time.Duration]bool{30*time.Second - 1: true, 30 * time.Second: false} {
		_, err := tokenbroker.NewCommandSource(tokenbroker.CommandConfig{Argv: []string{"x"}, Timeout: limit})
		text := fmt.Sprintf("token: {sources: [{type: command, command: [x], timeout: %v}]}", limit)
		_, checked := configs.Parse([]byte("cache: {directory: /c}\nadmin: {token_file: /t}\n" + text))
		if (err == nil) != want || (checked == nil) != want {
			t.Errorf("%v: the broker says %v and the check says %v, want it taken %v", limit, err, checked, want)
		}
	}
}
