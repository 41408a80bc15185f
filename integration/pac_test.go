package integration

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// pacFile returns the PAC file that a listener has for clients that know it by a name.
func pacFile(t testing.TB, listener, path, host string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener+path, nil)
	must(t, err)
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	script, err := io.ReadAll(resp.Body)
	must(t, err)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "application/x-ns-proxy-autoconfig" {
		t.Fatalf("%s: %s, %s\n%s", path, resp.Status, got, script)
	}
	return string(script)
}

// TestPACInPacparser evaluates the PAC files of a listener for the machine and of one for the office, in an engine that knows
// no more of the language than WinHTTP's does. Nobody but this test connects to the second one, which is open to the network.
func TestPACInPacparser(t *testing.T) {
	t.Parallel()
	evaluator := program(t, "pactester")
	office := strings.Replace(freeAddress(t), "127.0.0.1", "0.0.0.0", 1)
	b := startBox(t, nil, nil, "listeners:\n  - {name: machine, address: $PROXY}\n"+
		"  - {name: office, address: '"+office+"', allow_hosts: ['*.cdn.example.test', 'wsus.example.test']}\n"+
		"distribution_points:\n  - {url: 'http://DP1.example.test', token_url: 'https://dp1-token.example.test'}\n"+
		"  - {url: 'http://dp2:8080', token_url: 'https://dp2:8443'}\n"+
		"management_points: [mp1.example.test]\ncloud_management_gateways: [cmg.example.test]\n"+
		"interception: {hosts: ['*.cdn.example.test', '*.elsewhere.test']}\n")
	files := map[string]string{}
	for name, script := range map[string]string{
		"machine": pacFile(t, b.proxy.Host, "/proxy.pac", "localhost:8080"),
		"office":  pacFile(t, strings.Replace(office, "0.0.0.0", "127.0.0.1", 1), "/wpad.dat", "box.example.test:8080"),
	} {
		files[name] = fileWith(t, script)
	}
	const machine, here, straight = "PROXY localhost:8080; DIRECT", "PROXY box.example.test:8080; DIRECT", "DIRECT"
	for _, c := range []struct{ name, url, machine, office string }{
		{"a DP", "http://dp1.example.test/SMS_DP_SMSPKG$/PS100015/sccm?/a.cab", machine, here},
		{"in capitals", "HTTP://DP1.EXAMPLE.TEST/", machine, here},
		{"with the dot of the root", "http://dp1.example.test./", machine, here},
		{"with its port", "http://dp1.example.test:80/", machine, here},
		{"over TLS", "https://dp1.example.test/", machine, here},
		{"a token endpoint", "https://dp1-token.example.test/CCMTOKENAUTH_SMS_DP_SMSPKG$/", machine, here},
		{"a short name", "http://dp2:8080/", machine, here},
		{"a CMG", "https://cmg.example.test/", machine, here},
		{"a suffix", "https://a.b.cdn.example.test/", machine, here},
		{"a suffix in capitals", "https://A.CDN.example.test/", machine, here},

		{"another service of a DP", "http://dp1.example.test:8530/", machine, straight},
		{"another service over TLS", "https://dp1.example.test:8531/", straight, straight},
		{"a tunnel to a port that has none", "https://dp2:8443/", straight, straight},
		{"what the office does not serve", "https://a.elsewhere.test/", machine, straight},
		{"blobs", "https://account.blob.core.windows.net/c/b?sig=x", machine, straight},

		{"the suffix alone", "https://cdn.example.test/", straight, straight},
		{"an end of a name", "https://xcdn.example.test/", straight, straight},
		{"a name with more behind", "http://dp1.example.test.evil.test/", straight, straight},
		{"a name with more before", "http://xdp1.example.test/", straight, straight},
		{"an MP", "http://mp1.example.test/", straight, straight},
		{"allowed, but no DP", "http://wsus.example.test/", straight, straight},
		{"any other host", "http://example.test/?dp1.example.test", straight, straight},
		{"a DP in the path", "http://example.test/http://dp1.example.test/", straight, straight},
		{"a property of every object", "http://constructor/", straight, straight},
		{"another scheme", "ftp://dp1.example.test/", straight, straight},
	} {
		for listener, want := range map[string]string{"machine": c.machine, "office": c.office} {
			out, err := exec.Command(evaluator, "-p", files[listener], "-u", c.url).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("%s, for the %s: %s goes to %q (%v), want %q", c.name, listener, c.url, got, err, want)
			}
		}
	}
}

// TestPACInChromium: a browser that knows nothing but the PAC file gets the content of a DP from the box, everything else
// straight, and everything straight when the box is gone.
func TestPACInChromium(t *testing.T) {
	t.Parallel()
	program(t, "chromium")
	lib, f := library(t, 700_001)
	counters := sim.NewCounters()
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib, Counters: counters})
	at := strings.TrimPrefix(dp.URL("http"), "http://")
	// The box gets the file under the DP's address, so it has to look up no name; the browser asks for it by the name.
	b := startBox(t, nil, nil, "distribution_points: [{url: 'http://dp1.example.test'}, {url: 'http://"+at+"'}]\n")
	const file = "/SMS_DP_SMSPKG$/" + app + ".1/setup/install.wim"
	client := b.client()
	defer client.CloseIdleConnections()
	_, err := download(t.Context(), client, "http://"+at+file, f, 0, -1)
	must(t, err)
	own := "http://" + b.proxy.Host + "/proxy.pac"
	script := pacFile(t, b.proxy.Host, "/proxy.pac", b.proxy.Host)
	kept := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ns-proxy-autoconfig")
		_, _ = io.WriteString(w, script)
	}))
	t.Cleanup(kept.Close)

	want := make([]byte, f.Size)
	_, err = f.ReadAt(want, 0)
	must(t, err)
	hosts := "MAP dp1.example.test:80 " + at + ",MAP other.example.test:80 " + at
	for _, c := range []struct {
		name, pac, host string
		alive, fromDP   bool
	}{
		{"a DP", own, "dp1.example.test", true, false},
		{"a DP in capitals", own, "DP1.Example.TEST", true, false},
		{"another host", own, "other.example.test", true, true},
		{"a dead box, by a PAC file that was kept", kept.URL, "dp1.example.test", false, true},
		{"a dead box, without a PAC file", own, "dp1.example.test", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.alive {
				b.stop()
			}
			counters.Reset()
			got, err := startChromium(t, t.TempDir(), hosts, "--proxy-pac-url="+c.pac).download("http://" + c.host + file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("the file has %d bytes, want %d: they differ, or %v", len(got), len(want), err)
			}
			if sent := counters.Bytes(); (sent > 0) != c.fromDP {
				t.Errorf("the DP has sent %d bytes, want some %v", sent, c.fromDP)
			}
		})
	}
}
