package sim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhoIsToldWhere: locations are for everybody, tokens for machines that the site knows.
func TestWhoIsToldWhere(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.Delivery.Place = PlaceRecord })
	known := m.approvedCaller("PC1")
	waiting := m.caller("http", m.machine(Workgroup, "PC2"))
	waiting.mustRegister("ccm_system", "0/0")
	nobody := m.caller("http", Machine{Name: "PC3"})
	for _, tt := range []struct {
		name      string
		who       *caller
		signed    bool
		anonymous Anonymous
		records   int
		tokens    int
	}{
		{"approved", known, true, AnonymousNothing, 5, 2},
		{"approved, unsigned", known, false, AnonymousLocations, 4, 0},
		{"waits", waiting, true, AnonymousTokens, 0, 0},
		{"waits, unsigned", waiting, false, AnonymousLocations, 4, 0},
		{"nobody", nobody, false, AnonymousLocations, 4, 0},
		{"nobody, who may have tokens", nobody, false, AnonymousTokens, 5, 2},
		{"nobody, who may have nothing", nobody, false, AnonymousNothing, 0, 0},
	} {
		m.change(func(s *MPSettings) { s.Anonymous = tt.anonymous })
		before := m.Tally.Tokens(MPToken{})
		_, list := tt.who.ask(question(testPackage), tt.signed)
		tokens := 0
		for _, l := range list {
			if l.token != "" {
				tokens++
			}
		}
		if len(list) != tt.records || tokens != tt.tokens || m.Tally.Tokens(MPToken{})-before != tt.tokens {
			t.Errorf("%s: %d records, %d tokens, %d issued", tt.name, len(list), tokens, m.Tally.Tokens(MPToken{})-before)
		}
	}
	host := strings.TrimPrefix(m.cloud.URL("https"), "https://")
	want := map[MPToken]int{{"PC1", AudienceSite}: 1, {"PC1", host}: 1, {"PC3", AudienceSite}: 1, {"PC3", host}: 1}
	if got := m.Tally.Issued(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("issued %v, want %v", got, want)
	}
	if got := m.Tally.Requests(MPRequest{Request: "ContentLocationRequest", Refused: true}); got != 2 {
		t.Errorf("%d questions were refused", got)
	}
}

// TestTokensOpenDoors: what a reply brings is good at the DP and at the cloud, for as long as it should be, and not elsewhere.
func TestTokensOpenDoors(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.Delivery = TokenDelivery{Place: PlaceRecord, Life: time.Minute, CloudLife: time.Hour}
	})
	c := m.approvedCaller("PC1")
	_, list := c.ask(question(testPackage), true)
	site, cloud := list[0], list[3]
	client := newHTTPClient(t, m.ca)
	get := func(url, header, token, more string) int {
		base, target := url[:strings.Index(url[8:], "/")+8], url[strings.Index(url[8:], "/")+8:]
		resp, _ := mustRequest(t, client, "GET", base, target+more, header, "Bearer "+token)
		return resp.StatusCode
	}
	for _, step := range []struct {
		wait        time.Duration
		site, cloud int
	}{{0, 200, 200}, {59 * time.Second, 200, 200}, {time.Second, 401, 200}, {time.Hour, 401, 401}} {
		m.clock.advance(step.wait)
		if got := get(site.urls[0], "X-Dp", site.token, "/setup.exe"); got != step.site {
			t.Errorf("after %v the DP answers %d, want %d", step.wait, got, step.site)
		}
		if got := get(cloud.urls[0], "X-Cloud", cloud.token, ""); got != step.cloud {
			t.Errorf("after %v the cloud answers %d, want %d", step.wait, got, step.cloud)
		}
	}
	_, list = c.ask(question(testPackage), true)
	if got := get(list[0].urls[0], "X-Dp", list[3].token, "/setup.exe"); got != http.StatusUnauthorized {
		t.Errorf("the token of the cloud opens the DP: %d", got)
	}
	if got := get(list[3].urls[0], "X-Cloud", list[0].token, ""); got != http.StatusUnauthorized {
		t.Errorf("the token of the site opens the cloud: %d", got)
	}
	if list[0].token == site.token {
		t.Error("two replies bring the same token")
	}
}
