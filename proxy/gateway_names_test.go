package proxy_test

import (
	"fmt"
	"net/http"
	"testing"

	"branchpoint/proxy"
)

// TestGatewayNames: a web page that has led its own name to a gateway gets nothing by it, neither what is in the cache nor what is
// passed on. Who says an address, or no name, is no such page.
func TestGatewayNames(t *testing.T) {
	const path = "/SMS_DP_SMSPKG$/PS100015.3/sccm?/a.cab"
	s := newSite(t, options{listener: proxy.Listener{
		Entitlement: proxy.Network, Networks: loopback, Gateway: "http://DP1:8530", Hosts: []string{"none"}, Names: []string{"Alias", "*.branch.test", "ported:8080"},
	}})
	dp := newDP(1000)
	s.start("dp1:8530", dp)
	wantBody(t, s.raw().send("GET %s HTTP/1.1\r\nHost: dp1\r\n\r\n", path).answer("GET"), dp.data)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "passed on") })
	for host, want := range map[string]int{
		"dp1": 200, "DP1.": 200, "dp1:8530": 200, "dp1:81": 200, "alias": 200, "ALIAS:8080": 200, "x.branch.test": 200, "ported:8080": 200,
		"127.0.0.1": 200, "10.1.0.5:8080": 200, "[2001:db8::5]": 200, "[::1]:80": 200, "": 200,
		"evil.example": 421, "alias.evil.example": 421, "branch.test": 421, "dp1.evil.example:8530": 421, "ported": 421, "ported:80": 421,
		"127.0.0.1.evil.example": 421, "0x7f.1": 421, "localhost": 421, "[alias": 421,
	} {
		for _, path := range []string{path, "/x"} {
			got := s.raw().send("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host).answer("GET")
			if got.StatusCode != want || want == 421 && string(got.body) != wrongName {
				t.Errorf("%s at %q: %v, status %d, %.100q; want %d", path, host, got.err, got.StatusCode, got.body, want)
			}
		}
	}
	got := s.raw().send("GET http://evil.example%s HTTP/1.1\r\nHost: alias\r\n\r\n", path).answer("GET")
	wantStatus(t, got, 421)
	if n := s.counted("branchpoint_requests_total", "misdirected"); n < 20 {
		t.Errorf("%v requests were counted as misdirected", n)
	}
}

const wrongName = "Branchpoint: the request names another host than this gateway is known by (allow_hosts).\n"
