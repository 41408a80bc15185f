package sim

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestGatewayAuthenticates(t *testing.T) {
	g := newTestGateway(t, nil)
	namesake, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := namesake.Issue("PC1")
	if err != nil {
		t.Fatal(err)
	}
	self, err := newSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	always := g.client()
	always.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return self, nil }
	expired := g.tokens.Issue(-time.Second).Reveal()
	const mutual, server = "/CCM_Proxy_MutualAuth/7/SMS_MP/.sms_aut?MPLIST2&PS1", "/CCM_Proxy_ServerAuth/7/SMS_MP/.sms_aut?MPLIST2&PS1"
	for name, tt := range map[string]struct {
		client *http.Client
		path   string
		header []string
		status string
		how    string
	}{
		"certificate":              {g.known, mutual, nil, "200 OK", g.how},
		"letter case":              {g.known, strings.ToUpper(mutual), nil, "200 OK", g.how},
		"no certificate":           {g.http, mutual, nil, "403 CMGConnector_Clientcertificaterequired", ""},
		"token is no certificate":  {g.http, mutual, []string{"X-Ccm", g.token}, "403 CMGConnector_Clientcertificaterequired", ""},
		"certificate of another":   {g.client(foreign), mutual, nil, "403 CMGConnector_Forbidden", ""},
		"self-signed":              {always, mutual, nil, "403 CMGConnector_Forbidden", ""},
		"token":                    {g.http, server, []string{"X-Ccm", g.token}, "200 OK", "ccmtoken:unknown"},
		"token, lower case":        {g.http, strings.ToLower(server), []string{"x-ccm", g.token}, "200 OK", "ccmtoken:unknown"},
		"certificate is no token":  {g.known, server, nil, "401 CMGService_Invalid_Token", ""},
		"no token":                 {g.http, server, nil, "401 CMGService_Invalid_Token", ""},
		"unknown token":            {g.http, server, []string{"X-Ccm", "CCM x"}, "401 CMGService_Invalid_Token", ""},
		"expired token":            {g.http, server, []string{"X-Ccm", "CCM " + expired}, "401 CMGService_Invalid_Token", ""},
		"another header":           {g.http, server, []string{"Authorization", g.token}, "401 CMGService_Invalid_Token", ""},
		"another format":           {g.http, server, []string{"X-Ccm", strings.TrimPrefix(g.token, "CCM ")}, "401 CMGService_Invalid_Token", ""},
		"token service, no token":  {g.http, "/CCM_Proxy_ServerAuth/7/CCM_STS", nil, "200 OK", ""},
		"token service, PKI, none": {g.http, "/CCM_Proxy_MutualAuth/7/CCM_STS", nil, "403 CMGConnector_Clientcertificaterequired", ""},
	} {
		before := g.mp.count()
		if got := g.ask(tt.client, tt.path, tt.header...); got != tt.status {
			t.Errorf("%s: %s, want %s", name, got, tt.status)
		}
		if tt.status != "200 OK" && g.mp.count() != before {
			t.Errorf("%s: the management point was asked", name)
		}
		if vouched := strings.Split(g.mp.last()+"|||", "|")[2]; tt.status == "200 OK" && vouched != tt.how {
			t.Errorf("%s: vouched %q, want %q", name, vouched, tt.how)
		}
	}
	if g.Requests(GatewayRequest{Status: 200}) != 5 || g.Requests(GatewayRequest{Auth: "mutual", Client: g.how, Directory: "sms_mp"}) != 2 || g.Requests(GatewayRequest{}) != 16 {
		t.Errorf("requests %v", g.counts.all())
	}
	checkNoSecret(t, g.Log(), g.token)
}

// TestGatewayStranger: a gateway that does not know us says no to what is good; certificates end, too.
func TestGatewayStranger(t *testing.T) {
	g := newTestGateway(t, nil)
	const mutual, server = "/CCM_Proxy_MutualAuth/7/SMS_MP/.sms_aut?MPLIST", "/CCM_Proxy_ServerAuth/7/SMS_MP/.sms_aut?MPLIST"
	expect := func(step, byCertificate, byToken string) {
		t.Helper()
		if c, k := g.ask(g.known, mutual), g.ask(g.http, server, "X-Ccm", g.token); c != byCertificate || k != byToken {
			t.Errorf("%s: %s and %s, want %s and %s", step, c, k, byCertificate, byToken)
		}
	}
	expect("known", "200 OK", "200 OK")
	g.SetStranger(true)
	expect("unknown", "403 CMGConnector_Forbidden", "401 CMGService_Invalid_Token")
	g.SetStranger(false)
	g.clock.advance(59 * time.Minute)
	expect("known again", "200 OK", "200 OK")
	g.clock.advance(25 * time.Hour)
	expect("a day later", "403 CMGConnector_Forbidden", "401 CMGService_Invalid_Token")
}
