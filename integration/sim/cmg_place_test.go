package sim

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSiteWithAGateway: a machine of Entra has a content of the site by nothing but Entra and the gateway, whose content is its
// own, and no secret is in a log.
func TestSiteWithAGateway(t *testing.T) {
	contentTokens, err := NewTokens(TokensConfig{Header: "X-Cmg"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	config := SiteConfig{Library: newSmallLibrary(t), LogTo: &log, Cloud: &CloudPlace{}, Link: &LinkConfig{RTT: time.Millisecond},
		ManagementPoint: &MPPlace{Place: Place{Host: "mp.invalid"}}, Entra: &EntraPlace{}, CCMTokens: TokensConfig{Header: "X-Ccm", Format: "CCM {token}"},
		Gateway:      &GatewayPlace{Config: GatewayConfig{Content: &ContentServiceConfig{Tokens: contentTokens}}},
		TokenService: TokenServiceConfig{STSSettings: STSSettings{Life: time.Minute}}}
	config.ManagementPoint.Config.Delivery.Place = PlaceRecord
	site, err := StartSite(config)
	if err != nil {
		t.Fatal(err)
	}
	n := &internet{gateway: site.Gateway, http: newHTTPClient(t, site.CA),
		testMP: &testMP{ManagementPoint: site.ManagementPoint, t: t, clock: &testClock{now: time.Now()}, ca: site.CA, library: site.Library}}
	machine := n.machine(Hybrid, "PC1")
	app, err := site.Entra.Enroll(machine)
	if err != nil {
		t.Fatal(err)
	}
	incoming, err := site.Entra.Issue(app.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	resp, got := mustSend(t, n.http, "GET", site.Gateway.ServerAuth(DefaultBehind)+"/CCM_STS", "", "Authorization", "Bearer "+incoming.Reveal())
	if resp.StatusCode != 200 {
		t.Fatalf("the token service says %s %q", resp.Status, got)
	}
	token := string(got)
	c := n.byToken(machine, token)
	c.base = site.Gateway.ServerAuth(DefaultBehind)
	c.mustRegister("ccm_system_tokenauth", "0/3")
	_, list := c.ask(question(testApp), true)
	place, found := n.here(list)
	if !found || len(list) != 10 {
		t.Fatalf("%d places: %v", len(list), list)
	}
	if r := n.download(place, place.token); r.Err != nil || site.Counters.BytesBy()["CMG1-storage"] != 300_000 || site.Counters.BytesBy()["CMG1"] != 0 {
		t.Errorf("%v, bytes %v", r.Err, site.Counters.BytesBy())
	}
	if err := site.Close(); err != nil {
		t.Error(err)
	}
	text := log.String() + fmt.Sprintf("%+v %#v %+v %+v", *site, site.Gateway, config, site.TokenService)
	for _, secret := range []string{token, incoming.Reveal(), place.token, app.Secret.Reveal(), "sig="} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret got into a log, or into what is printed: %.10q", secret)
		}
	}
}

func TestSiteRefusesAGateway(t *testing.T) {
	library := newSmallLibrary(t)
	for name, config := range map[string]SiteConfig{
		"no management point": {Gateway: &GatewayPlace{}},
		"address":             {ManagementPoint: &MPPlace{}, Gateway: &GatewayPlace{Place: Place{HTTPSAddr: "0.0.0.0:0"}}},
		"storage address":     {ManagementPoint: &MPPlace{}, Gateway: &GatewayPlace{Storage: Place{HTTPSAddr: "x"}, Config: GatewayConfig{Content: &ContentServiceConfig{}}}},
		"tenant":              {Entra: &EntraPlace{Config: EntraConfig{Tenant: "x"}}},
		"tenant's address":    {Entra: &EntraPlace{Place: Place{HTTPAddr: "0.0.0.0:0"}}},
		"token service":       {Entra: &EntraPlace{}, TokenService: TokenServiceConfig{Hierarchy: "x"}},
	} {
		config.Library = library
		if _, err := StartSite(config); err == nil {
			t.Errorf("%s: it starts", name)
		}
	}
	site, err := StartSite(SiteConfig{Library: library, ManagementPoint: &MPPlace{}, Gateway: &GatewayPlace{}})
	if err != nil {
		t.Fatal(err)
	}
	if site.Gateway.Content != nil || site.GatewayStorage != nil || site.Entra != nil || site.TokenService == nil || len(site.ManagementPoint.Settings().Sources) != 4 {
		t.Errorf("the least that is needed: %+v", site)
	}
	if err := site.Close(); err != nil {
		t.Error(err)
	}
}
