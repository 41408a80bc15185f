package sim

import (
	"strings"
	"testing"
	"time"
)

// TestBulkRegistrationToken: the tokens that an administrator makes for machines that have nothing else.
func TestBulkRegistrationToken(t *testing.T) {
	s := newTestSTS(t, func(c *TokenServiceConfig) { c.Entra = nil })
	stranger := newTestSTS(t, nil)
	bulk := func(s *testSTS, life time.Duration) (string, string) {
		token, id, err := s.BulkToken(life)
		if err != nil {
			t.Fatal(err)
		}
		return token.Reveal(), id
	}
	token, id := bulk(s, 0)
	read, err := readJWT(token)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]string{"SCCMTokenCategory": "SCCMPreAuthToken", "Authority": "SCCM", "License": "SCCM", "Type": "BulkRegistration",
		"TenantId": s.config.Hierarchy, "UniqueId": id, "iss": "urn:sccm:oauth2:" + s.config.Hierarchy, "aud": "urn:sccm:service"} {
		if read.text(claim) != want {
			t.Errorf("claim %s is %q, want %q", claim, read.text(claim), want)
		}
	}
	if end, _ := read.at("exp"); end.Unix() != s.entra.clock.Now().Add(72*time.Hour).Unix() || read.header["alg"] != "RS256" || read.header["x5t"] == "" {
		t.Errorf("header %v, ends %v", read.header, end)
	}
	status, got := s.ask(token)
	if status != 200 || !s.good(got) || holderOf(got) != id || s.Issued(id) != 1 {
		t.Errorf("a good one: %d %.40q", status, got)
	}
	blocked, blockedID := bulk(s, 0)
	s.BlockBulk(strings.ToUpper(blockedID))
	foreign, _ := bulk(stranger, 0)
	for name, token := range map[string]string{"blocked": blocked, "of another hierarchy": foreign, "CCM token": got, "Entra, which is not taken": s.incoming()} {
		if status, body := s.ask(token); status != 401 || !strings.Contains(body, "validation failed") {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
	short, shortID := bulk(s, time.Hour)
	s.entra.clock.advance(2 * time.Hour)
	if status, body := s.ask(short); status != 401 || body != "PreAuth token validation failed" ||
		s.Exchanges()[STSExchange{Kind: "bulk", Holder: shortID, Refused: "it has expired"}] != 1 {
		t.Errorf("expired: %d %q, %v", status, body, s.Exchanges())
	}
	for _, life := range []time.Duration{-1, 7*24*time.Hour + 1} {
		if _, _, err := s.BulkToken(life); err == nil {
			t.Errorf("a life of %v is allowed", life)
		}
	}
}
