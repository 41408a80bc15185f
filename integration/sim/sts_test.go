package sim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// testSTS is a token service behind a management point, for the tokens of a tenant, on one clock.
type testSTS struct {
	*TokenService
	t     testing.TB
	entra *testEntra
	ccm   *Tokens
	mp    *ManagementPoint
	http  *http.Client
}

func newTestSTS(t testing.TB, change func(*TokenServiceConfig)) *testSTS {
	t.Helper()
	s := &testSTS{t: t, entra: newTestEntra(t, nil)}
	s.http = s.entra.http
	var err error
	if s.ccm, err = NewTokens(TokensConfig{Header: "X-Ccm", Now: s.entra.clock.Now}); err != nil {
		t.Fatal(err)
	}
	c := TokenServiceConfig{CCMTokens: s.ccm, Entra: s.entra.Entra, STSSettings: STSSettings{Now: s.entra.clock.Now}}
	if change != nil {
		change(&c)
	}
	if s.TokenService, err = NewTokenService(c); err != nil {
		t.Fatal(err)
	}
	s.mp, err = NewManagementPoint(ManagementPointConfig{Name: "MP1", HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", CA: s.entra.ca,
		Library: NewLibrary(), TokenService: s.TokenService})
	if err != nil {
		t.Fatal(err)
	}
	startForTest(t, s.mp.origin)
	t.Cleanup(func() {
		if err := s.TokenService.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// incoming is a good token of a device.
func (s *testSTS) incoming() string {
	s.t.Helper()
	token, err := s.entra.Issue(s.entra.app.ClientID)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Reveal()
}

// ask makes the exchange as the settings are by default.
func (s *testSTS) ask(token string) (int, string) {
	s.t.Helper()
	resp, body := mustSend(s.t, s.http, "GET", s.mp.URL("https")+"/CCM_STS", "", "Authorization", "Bearer "+token)
	return resp.StatusCode, string(body)
}

// good says whether the directories for tokens would take a token.
func (s *testSTS) good(token string) bool {
	return s.ccm.check(http.Header{"X-Ccm": {"Bearer " + token}}) == 200
}

// TestTokenServiceTokens: what is in a CCM token, by the clock of the service, and what ends it.
func TestTokenServiceTokens(t *testing.T) {
	s := newTestSTS(t, nil)
	now, device := s.entra.clock.Now(), s.entra.app.DeviceID
	s.Bind(strings.ToUpper(device), "GUID:5DD100CD-DF1D-45F5-BA17-A327F43465F8")
	for name, tt := range map[string]struct {
		life, skew time.Duration
		ends       time.Duration
	}{
		"8 hours": {0, 0, 8 * time.Hour}, "5 seconds": {5 * time.Second, 0, 5 * time.Second},
		"fast clock": {0, time.Hour, 9 * time.Hour}, "slow clock": {time.Hour, -2 * time.Hour, -time.Hour},
	} {
		if err := s.Change(func(set *STSSettings) { set.Life, set.Skew = tt.life, tt.skew }); err != nil {
			t.Fatal(err)
		}
		_, token := s.ask(s.incoming())
		read, err := readJWT(token)
		if err == nil {
			err = read.verify(s.signer.public(), false)
		}
		if err != nil {
			t.Fatalf("%s: %q: %v", name, token, err)
		}
		end, _ := read.at("exp")
		start, _ := read.at("nbf")
		if end.Sub(now.Truncate(time.Second)) != tt.ends || start.Sub(now.Truncate(time.Second)) != tt.skew || s.good(token) != (tt.ends > 0) {
			t.Errorf("%s: good from %v to %v, taken %v", name, start.Sub(now), end.Sub(now), s.good(token))
		}
		if read.text("DeviceId") != device || read.text("SMSID") == "" || read.text("iss") != "urn:sccm:oauth2:"+s.config.Hierarchy || holderOf(token) != device {
			t.Errorf("%s: claims %v", name, read.claims)
		}
	}
}

func TestNewTokenServiceRefuses(t *testing.T) {
	s := newTestSTS(t, nil)
	for name, change := range map[string]func(*TokenServiceConfig){
		"no tokens": func(c *TokenServiceConfig) { c.CCMTokens = nil }, "hierarchy": func(c *TokenServiceConfig) { c.Hierarchy = "x" },
		"carriage": func(c *TokenServiceConfig) { c.Carriage = 9 }, "expiry form": func(c *TokenServiceConfig) { c.ExpiryForm = 9 },
		"GET with a body": func(c *TokenServiceConfig) { c.Carriage, c.Method = CarryInBody, "GET" }, "path": func(c *TokenServiceConfig) { c.Path = "x" },
		"query": func(c *TokenServiceConfig) { c.Path = "/x?y" }, "format": func(c *TokenServiceConfig) { c.Format = "x" }, "life": func(c *TokenServiceConfig) { c.Life = -1 },
		"reply": func(c *TokenServiceConfig) { c.Reply = "x" }, "body with a name": func(c *TokenServiceConfig) { c.Reply = "body:x" },
		"JSON name": func(c *TokenServiceConfig) { c.Reply = "json:a..b" }, "XML root attribute": func(c *TokenServiceConfig) { c.Reply = "xml:@a" },
		"header name": func(c *TokenServiceConfig) { c.Reply = "header:" }, "two bodies": func(c *TokenServiceConfig) { c.Expiry = "body" },
		"text and JSON": func(c *TokenServiceConfig) { c.Expiry = "json:a" }, "JSON and XML": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "json:a", "xml:a" },
		"same header": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "header:A", "header:a" }, "same name": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "json:a", "json:a" },
		"below a text": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "json:a", "json:a.b" }, "same element": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "xml:a/b", "xml:a/b" },
		"two roots": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "xml:a/b", "xml:b/a" }, "same attribute": func(c *TokenServiceConfig) { c.Reply, c.Expiry = "xml:a/@b", "xml:a/@b" },
	} {
		c := s.config
		change(&c)
		if _, err := NewTokenService(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := s.Change(func(set *STSSettings) { set.Reply = "x" }); err == nil || s.Settings().Reply != "body" {
		t.Errorf("a change that makes no sense: %v, %+v", err, s.Settings())
	}
	for text, want := range map[string]TokenCarriage{"header": CarryInHeader, "body": CarryInBody} {
		var got TokenCarriage
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	if new(TokenCarriage).UnmarshalText([]byte("x")) == nil {
		t.Error("a carriage x is taken")
	}
}
