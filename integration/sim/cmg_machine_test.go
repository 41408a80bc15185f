package sim

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// internet is a management point that clients reach by a gateway only, with what gives them tokens for it.
type internet struct {
	*testMP
	gateway *Gateway // content-enabled
	entra   *Entra
	sts     *TokenService
	http    *http.Client
}

func newInternet(t testing.TB) *internet {
	t.Helper()
	n := &internet{}
	var err error
	n.testMP = newTestMP(t, func(m *testMP, c *ManagementPointConfig) {
		if n.entra, err = NewEntra(EntraConfig{CA: m.ca, Now: m.clock.Now}); err != nil {
			t.Fatal(err)
		}
		n.sts, err = NewTokenService(TokenServiceConfig{CCMTokens: m.ccm, Entra: n.entra, STSSettings: STSSettings{Now: m.clock.Now}})
		if err != nil {
			t.Fatal(err)
		}
		c.TokenService, c.Delivery.Place = n.sts, PlaceRecord
	})
	storage := newTestStorage(t, StorageConfig{Library: n.library, CA: n.ca, Now: n.clock.Now})
	n.gateway, err = NewGateway(GatewayConfig{Name: "cmg", Host: "localhost", CA: n.ca, CCMTokens: n.ccm, Now: n.clock.Now,
		ManagementPoints: map[uint64]BehindGateway{7: n.ManagementPoint},
		Content:          &ContentServiceConfig{Storage: storage, Now: n.clock.Now, Tokens: n.newTokens(TokensConfig{Header: "X-Cmg"})}})
	if err == nil {
		err = n.gateway.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	n.change(func(s *MPSettings) { s.Sources = append(s.Sources, Source{Cloud: n.gateway.Content}) })
	n.http = newHTTPClient(t, n.ca)
	return n
}

// exchange gets a CCM token through the gateway.
func (n *internet) exchange(incoming Secret) string {
	n.t.Helper()
	resp, token := mustSend(n.t, n.http, "GET", n.gateway.ServerAuth(7)+"/CCM_STS", "", "Authorization", "Bearer "+incoming.Reveal())
	if resp.StatusCode != 200 {
		n.t.Fatalf("the token service says %s %q", resp.Status, token)
	}
	return string(token)
}

// byToken is a client that shows a CCM token.
func (n *internet) byToken(m Machine, token string) *caller {
	c := n.caller("https", m)
	c.base, c.account, c.header = n.gateway.ServerAuth(7), nil, http.Header{"X-Ccm": {"CCM " + token}}
	return c
}

// here is the record of the gateway's own content.
func (n *internet) here(list []located) (located, bool) {
	for _, l := range list {
		if strings.HasPrefix(l.urls[0], n.gateway.URL("https")+"/") {
			return l, true
		}
	}
	return located{}, false
}

func (n *internet) download(l located, token string) ContentResult {
	n.t.Helper()
	client, err := NewCloudClient(CloudConfig{BITS: BITSConfig{ClientConfig: ClientConfig{Library: n.library, RootCAs: n.ca.Pool(),
		Token: NewSecret(token), TokenHeader: "X-Cmg"}}})
	if err != nil {
		n.t.Fatal(err)
	}
	return client.Download(n.t.Context(), CloudLocation{URL: NewSecret(l.urls[0])})
}

// TestEntraMachineOnTheInternet: from a token of Entra to the bytes of a content, by nothing but the gateway and Entra.
func TestEntraMachineOnTheInternet(t *testing.T) {
	n := newInternet(t)
	machine := n.machine(EntraJoined, "PC1")
	app, err := n.entra.Enroll(machine)
	if err != nil {
		t.Fatal(err)
	}
	incoming, err := n.entra.Issue(app.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	token := n.exchange(incoming)
	c := n.byToken(machine, token)
	c.mustRegister("ccm_system_tokenauth", "0/3")
	_, list := c.ask(question(testApp), true)
	place, found := n.here(list)
	if !found || place.token == "" {
		t.Fatalf("the reply names %v", list)
	}
	if r := n.download(place, place.token); r.Err != nil || r.Bytes() != 300_000 {
		t.Errorf("content of the gateway: %v, %d bytes", r.Err, r.Bytes())
	}
	if r := n.download(place, token); r.Err == nil {
		t.Error("a CCM token opens content")
	}
	how := "ccmtoken:" + machine.DeviceID
	entries := n.Messages.Entries()
	if last := entries[len(entries)-1]; last.Forwarded != "gateway "+how || n.gateway.Requests(GatewayRequest{Client: how, Status: 200}) != 2 || n.sts.Issued(machine.DeviceID) != 1 {
		t.Errorf("last message %+v; gateway %v; exchanges %v", last, n.gateway.counts.all(), n.sts.Exchanges())
	}
	stranger := n.byToken(machine, "x").post(post{dir: "ccm_system_tokenauth", endpoint: "MP_LocationManager", body: siteInformation})
	if stranger.status != 401 {
		t.Errorf("another token: %d", stranger.status)
	}
	checkNoSecret(t, n.gateway.Log(), token, incoming.Reveal(), place.token, "sig")
	if text := fmt.Sprintf("%+v %#v %+v", n.gateway, n.gateway.config, n.gateway.counts.all()); strings.Contains(text, token) || strings.Contains(text, "canary") {
		t.Error("a secret shows itself")
	}
	if _, err := n.entra.Enroll(n.machine(Workgroup, "PC9")); err == nil {
		t.Error("a machine of a workgroup is enrolled")
	}
}

// TestPKIMachineOnTheInternet: a certificate opens MutualAuth and nothing else, and the management point may insist on it.
func TestPKIMachineOnTheInternet(t *testing.T) {
	n := newInternet(t)
	machine, err := n.machine(Workgroup, "PC1").WithPKI(n.ca)
	if err != nil {
		t.Fatal(err)
	}
	n.change(func(s *MPSettings) { s.RequireCertificate = true })
	c := n.caller("https", machine)
	c.base = n.gateway.MutualAuth(7)
	c.mustRegister("ccm_system", "0/2")
	if _, list := c.ask(question(testPackage), true); len(list) == 0 {
		t.Errorf("nothing is located: %s", n.refusal())
	}
	information := post{endpoint: "MP_LocationManager", body: siteInformation}
	for name, tt := range map[string]struct {
		base, dir string
		token     bool
		status    int
	}{
		"tokens are asked for there":       {n.gateway.MutualAuth(7), "ccm_system_tokenauth", false, 401},
		"no token":                         {n.gateway.ServerAuth(7), "ccm_system_tokenauth", false, 401},
		"token":                            {n.gateway.ServerAuth(7), "ccm_system_tokenauth", true, 200},
		"token where a certificate is due": {n.gateway.ServerAuth(7), "ccm_system", true, 403},
	} {
		c.base, c.header, information.dir = tt.base, nil, tt.dir
		if tt.token {
			c.header = http.Header{"X-Ccm": {"CCM " + n.ccm.Issue(bulkLife).Reveal()}}
		}
		if got := c.post(information); got.status != tt.status {
			t.Errorf("%s: %d, want %d", name, got.status, tt.status)
		}
	}
	without := n.caller("https", n.machine(Workgroup, "PC2"))
	without.base = n.gateway.MutualAuth(7)
	if got := without.introduce("Registration", "ccm_system"); got != "403" {
		t.Errorf("without a certificate: %s", got)
	}
}

// TestBulkTokenOnTheInternet: a machine that has nothing but a bulk registration token.
func TestBulkTokenOnTheInternet(t *testing.T) {
	n := newInternet(t)
	bulk, id, err := n.sts.BulkToken(0)
	if err != nil {
		t.Fatal(err)
	}
	n.byToken(n.machine(Workgroup, "PC1"), n.exchange(bulk)).mustRegister("ccm_system_tokenauth", "0/3")
	if n.gateway.Requests(GatewayRequest{Client: "ccmtoken:" + id}) != 1 {
		t.Errorf("requests %v", n.gateway.counts.all())
	}
	if got := n.byToken(n.machine(Workgroup, "PC2"), bulk.Reveal()).introduce("Registration", "ccm_system_tokenauth"); got != "401" {
		t.Errorf("the bulk token itself: %s", got)
	}
}

// TestGatewayContent: the faults of the content, of the gateway and of the management point are not the same.
func TestGatewayContent(t *testing.T) {
	n := newInternet(t)
	l := located{urls: []string{n.gateway.Content.Locate(clientA, testApp+".1").URL.Reveal()}}
	token := n.gateway.Content.config.Tokens.Issue(bulkLife).Reveal()
	if r := n.download(l, ""); r.Err == nil || !strings.Contains(r.Err.Error(), "401") {
		t.Errorf("without a token: %v", r.Err)
	}
	n.ManagementPoint.Kill()
	if r := n.download(l, token); r.Err != nil {
		t.Errorf("without a management point: %v", r.Err)
	}
	if resp, _ := mustSend(t, n.http, "GET", n.gateway.ServerAuth(7)+"/CCM_STS", ""); resp.Status != "500 CMGConnector_InternalServerError" {
		t.Errorf("the management point is away: %s", resp.Status)
	}
	if err := n.ManagementPoint.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	in, err := n.gateway.Content.Faults.Inject(Fault{Kind: FaultStatus})
	if err != nil {
		t.Fatal(err)
	}
	if r := n.download(l, token); r.Err == nil || in.Strikes() == 0 {
		t.Errorf("with a fault of the content: %v", r.Err)
	}
	if resp, _ := mustSend(t, n.http, "GET", n.gateway.ServerAuth(7)+"/CCM_STS", ""); resp.StatusCode != 401 {
		t.Errorf("messages with a fault of the content: %s", resp.Status)
	}
	in.Lift()
	n.gateway.SetStranger(true)
	if r := n.download(l, token); r.Err != nil {
		t.Errorf("from a gateway that does not know us: %v", r.Err)
	}
	n.gateway.Kill()
	if r := n.download(l, token); r.Err == nil {
		t.Error("content of a gateway that is dead")
	}
	if err := n.gateway.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := n.download(l, token); r.Err != nil {
		t.Errorf("revived: %v", r.Err)
	}
	conn, err := tls.Dial("tcp", n.gateway.Address("https"), &tls.Config{RootCAs: n.ca.Pool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatalf("TLS 1.2: %v", err)
	}
	_ = conn.Close()
}
