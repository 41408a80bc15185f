package main

import (
	"strings"
	"testing"

	"branchpoint/admin"
	"branchpoint/proxy"
)

func TestListenerText(t *testing.T) {
	for want, l := range map[string]admin.Listener{
		"http://branch1:8080, entitlement origin": {
			Kind: "forward", Address: "[::]:8080", URL: "http://branch1:8080", Entitlement: "origin"},
		"https://branch1, a gateway to http://dp1, entitlement machine": {
			Kind: "gateway", Address: "[::]:443", URL: "https://branch1", Gateway: "http://dp1", Entitlement: "machine"},
		"transparent on [::]:3129, entitlement origin": {
			Kind: "transparent", Address: "[::]:3129", Entitlement: "origin"},
	} {
		if got := listenerText(l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInterceptionText(t *testing.T) {
	some := proxy.Interception{On: true, Hosts: []proxy.InterceptedHost{
		{Name: "dp1", Intercepted: true, Connections: 1200}, {Name: "dp2", Reason: "it asks for a TLS client certificate", Connections: 3},
	}}
	for want, i := range map[string]proxy.Interception{
		"tunnelled; there is no certificate authority (branchpoint ca init)":    {},
		"seen into for 0 hosts that clients have asked for":                     {On: true},
		"seen into for 1 host that clients have asked for; 1 of ours tunnelled": some,
	} {
		if got := interceptionText(i); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	got := interceptionTable(some.Hosts)
	for _, line := range []string{"│ dp1        │ 1,200       │ seen into", "│ dp2        │ 3           │ tunnelled: it asks for a TLS client certificate"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
}
