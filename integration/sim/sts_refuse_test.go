package sim

import (
	"strings"
	"testing"
	"time"
)

// TestTokenServiceRefuses: every token that is not good, and why.
func TestTokenServiceRefuses(t *testing.T) {
	s := newTestSTS(t, nil)
	other := newTestEntra(t, func(c *EntraConfig) { c.Tenant = s.entra.Tenant(); c.Resources = []string{EntraResource} })
	foreign, err := other.Issue(other.app.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	noDevice, revoked := s.entra.mustRegister(EntraApp{}), s.entra.mustRegister(EntraApp{DeviceID: newGUID()})
	issue := func(app EntraApp, resource, user string) string {
		token, _, err := s.entra.access(app, delegation{resource: resource, user: user})
		if err != nil {
			t.Fatal(err)
		}
		return token.Reveal()
	}
	worthless := issue(revoked, EntraResource, "")
	s.entra.Disable(revoked.ClientID)
	for name, tt := range map[string]struct{ token, kind, why string }{
		"device":           {issue(s.entra.app, EntraResource, ""), "device", ""},
		"user":             {issue(noDevice, EntraResource, "ann@example.org"), "user", ""},
		"application":      {issue(noDevice, EntraResource, ""), "user", "neither of a device nor of a user"},
		"another audience": {issue(s.entra.app, "https://graph.example", ""), "device", "another audience"},
		"another key":      {foreign.Reveal(), "device", "signature"},
		"revoked":          {worthless, "device", "revoked"},
		"none":             {"", "", "no token is shown"},
		"garbage":          {"a.b.c", "", "no JWT"},
	} {
		before := s.Exchanges()
		status, body := s.ask(tt.token)
		if (status == 200) != (tt.why == "") || status != 200 && (status != 401 || body != "Token validation failed") {
			t.Errorf("%s: %d %q", name, status, body)
		}
		for e, n := range s.Exchanges() {
			if n != before[e] && (e.Kind != tt.kind || !strings.Contains(e.Refused, tt.why)) {
				t.Errorf("%s: %+v, want %q", name, e, tt.why)
			}
		}
	}
	good := s.incoming()
	s.entra.clock.advance(time.Hour + 4*time.Minute)
	if status, _ := s.ask(good); status != 200 {
		t.Errorf("expired within the tolerance: %d", status)
	}
	s.entra.clock.advance(time.Minute)
	if status, _ := s.ask(good); status != 401 {
		t.Errorf("expired: %d", status)
	}
}
