package sim

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSiteWithAManagementPoint: a machine registers at a site, is told where a content is, and downloads it from each place
// with what it was told, and no secret is in a log.
func TestSiteWithAManagementPoint(t *testing.T) {
	cloudTokens, err := NewTokens(TokensConfig{})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := NewMachine(ADJoined, "PC1")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	library := newSmallLibrary(t)
	config := SiteConfig{Library: library, LogTo: &log, Cloud: &CloudPlace{Tokens: cloudTokens}, Link: &LinkConfig{RTT: time.Millisecond},
		ManagementPoint: &MPPlace{Machines: []Machine{machine}}}
	config.ManagementPoint.Config.Delivery.Place = PlaceRecord
	config.ManagementPoint.Config.Connector = NewSecret("canary-connector")
	site, err := StartSite(config)
	if err != nil {
		t.Fatal(err)
	}
	m := &testMP{ManagementPoint: site.ManagementPoint, t: t, clock: &testClock{now: time.Now()}, ca: site.CA}
	c := m.caller("http", machine)
	c.mustRegister("ccm_system_windowsauth", "0/1")
	c.account = nil
	_, list := c.ask(question(testApp), true)
	opened := downloadEverywhere(t, site, list)
	if len(list) != 9 || opened != 3 || site.Counters.BytesBy()["MP1"] != 0 {
		t.Errorf("%d places, %d with tokens, %d bytes of the management point are content", len(list), opened, site.Counters.BytesBy()["MP1"])
	}
	if err := site.Close(); err != nil {
		t.Error(err)
	}
	text := log.String() + fmt.Sprintf("%+v %#v %+v %+v %+v %+v", site.ManagementPoint, site.ManagementPoint.Messages.Entries(), *site, machine, config, m.Settings())
	for _, l := range list {
		if l.token != "" && strings.Contains(text, l.token) {
			t.Error("a token got into a log, or into what is printed")
		}
	}
	if strings.Contains(text, machine.Account.Password.Reveal()) || strings.Contains(text, "canary-connector") {
		t.Error("a password or the secret of the connector got into a log, or into what is printed")
	}
	if !strings.Contains(log.String(), `BRANCH\PC1$ 127.0.0.1 ccmhttp 200 0 0`) {
		t.Errorf("log:\n%.2000s", log.String())
	}
}

// downloadEverywhere downloads from each place, and returns how many of them wanted a token.
func downloadEverywhere(t *testing.T, site *Site, list []located) (opened int) {
	t.Helper()
	for _, l := range list {
		client := ClientConfig{Library: site.Library, RootCAs: site.CA.Pool(), Account: &site.Account, Token: NewSecret(l.token)}
		var result ContentResult
		if strings.Contains(l.urls[0], "downloadrestservice") {
			fetch, err := NewCloudClient(CloudConfig{BITS: BITSConfig{ClientConfig: client}})
			if err != nil {
				t.Fatal(err)
			}
			result = fetch.Download(t.Context(), CloudLocation{URL: NewSecret(l.urls[0])})
		} else {
			result = newCCM(t, BITSConfig{ClientConfig: client}).Download(t.Context(), l.urls[0])
		}
		if result.Err != nil {
			t.Errorf("%s: %v", l.urls[0], result.Err)
		}
		if l.token != "" {
			opened++
		}
	}
	return opened
}

func TestSiteRefusesAManagementPoint(t *testing.T) {
	library := newSmallLibrary(t)
	for name, place := range map[string]MPPlace{
		"address":   {Place: Place{HTTPAddr: "0.0.0.0:0"}},
		"site code": {Config: ManagementPointConfig{SiteCode: "long"}},
	} {
		if _, err := StartSite(SiteConfig{Library: library, ManagementPoint: &place}); err == nil {
			t.Errorf("%s: it starts", name)
		}
	}
	site, err := StartSite(SiteConfig{Library: library, ManagementPoint: &MPPlace{HTTPOnly: true}})
	if err != nil {
		t.Fatal(err)
	}
	if site.ManagementPoint.URL("https") != "" || site.ManagementPoint.URL("http") == "" || site.ManagementPoint.SiteCode() != "PS1" {
		t.Errorf("for http only it is at %q and %q", site.ManagementPoint.URL("http"), site.ManagementPoint.URL("https"))
	}
	if err := site.Close(); err != nil {
		t.Error(err)
	}
	if _, err := StartSite(SiteConfig{Library: library, CCMTokens: TokensConfig{Format: "x"}}); err == nil {
		t.Error("CCM tokens without a token start")
	}
}
