package proxy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"branchpoint/proxy"
)

// TestLearned: what clients send to token endpoints is known by name, and nobody can find out what it was.
func TestLearned(t *testing.T) {
	const secret = "canary-0c2f9b"
	s := newSite(t, options{listener: proxy.Listener{Hosts: []string{"dp1", "cmg"}, Entitlement: proxy.Origin}})
	for _, host := range []string{"dp1:80", "cmg:80", "dp9:80"} {
		s.start(host, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	}
	c := s.client()
	token, bearer := "X-Example-Token: "+secret, "Authorization: Bearer "+secret
	const dir = "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015.3"
	for _, ask := range []struct {
		method, target string
		header         []string
	}{
		{"PROPFIND", "http://DP1" + dir, []string{token, "Depth: 1"}},
		{"GET", "http://dp1" + dir + "/sccm?/a", []string{token, "Range: bytes=0-"}},
		{"HEAD", "http://dp1:80" + dir + "/sccm?/a", []string{bearer}},
		{"GET", "http://cmg/downloadrestservice.svc/getcontentxmlsecure?tid=" + secret, []string{bearer}},
		{"GET", "http://dp1/SMS_DP_SMSPKG$/PS100015.3/sccm?/a", []string{"X-Not-There: " + secret}},
		{"GET", "http://dp9" + dir + "/sccm?/a", []string{token}}, // not admitted
	} {
		s.ask(c, ask.method, ask.target, ask.header...)
	}
	learned := s.proxy.Learned()
	var got []string
	for _, h := range learned {
		got = append(got, fmt.Sprint(h.Host, " ", h.Requests))
		for _, header := range h.Headers {
			if !header.Standard {
				got = append(got, fmt.Sprint(header.Name, " ", header.Requests, " ", header.Shapes))
			}
		}
	}
	want := []string{"cmg:80 1", "Authorization 1 [Bearer, then opaque text, under 64 bytes]",
		"dp1:80 3", "Authorization 1 [Bearer, then opaque text, under 64 bytes]", "X-Example-Token 2 [opaque text, under 64 bytes]"}
	if !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
	for _, h := range learned {
		for _, header := range h.Headers {
			if header.Standard && len(header.Shapes) > 0 {
				t.Errorf("%s: shapes of a standard header: %v", header.Name, header.Shapes)
			}
		}
	}
	text, err := json.Marshal(learned)
	s.must(err)
	if all := string(text) + fmt.Sprintf("%v %+v %#v", learned, learned, learned) + s.log.String(); strings.Contains(all, secret) {
		t.Errorf("a value was kept:\n%s", all)
	}
	s.proxy.ForgetLearned()
	if rest := s.proxy.Learned(); len(rest) > 0 {
		t.Errorf("after it was forgotten: %v", rest)
	}
}

// TestLearnedAtAGateway: the host is the distribution point, whatever its clients call it.
func TestLearnedAtAGateway(t *testing.T) {
	s := newSite(t, options{listener: proxy.Listener{Entitlement: proxy.Network, Networks: loopback, Gateway: "http://dp1", Hosts: []string{"none"}}})
	s.start("dp1:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	s.raw().send("GET /CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a HTTP/1.1\r\nHost: alias\r\nX-Example-Token: x\r\n\r\n").answer("GET")
	learned := s.proxy.Learned()
	if len(learned) != 1 || learned[0].Host != "dp1:80" || len(learned[0].Headers) != 1 || learned[0].Headers[0].Name != "X-Example-Token" {
		t.Errorf("learned %+v, want X-Example-Token of dp1:80", learned)
	}
}

// TestLearnedInATunnel is where a token endpoint is asked in earnest: over HTTPS that is seen into.
func TestLearnedInATunnel(t *testing.T) {
	s := newTrusting(t, options{})
	s.startTLS("dp1:443", newDP(1000), nil)
	in := s.seenInto("dp1:443")
	in.get(tokenFile, "X-Example-Token: x")
	if own := in.get("/proxy.pac"); own.Header.Get("Content-Type") == "application/x-ns-proxy-autoconfig" {
		t.Errorf("the PAC file of the proxy is served as the distribution point's")
	}
	learned := s.proxy.Learned()
	if len(learned) != 1 || learned[0].Host != "dp1:443" || learned[0].Requests != 1 ||
		!slices.ContainsFunc(learned[0].Headers, func(h proxy.LearnedHeader) bool { return h.Name == "X-Example-Token" }) {
		t.Errorf("learned %+v, want X-Example-Token of dp1:443", learned)
	}
}
