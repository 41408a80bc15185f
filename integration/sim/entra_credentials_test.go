package sim

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// assertion is how a client proves that it has the key of a certificate.
func (e *testEntra) assertion(change func(header, claims map[string]any)) string {
	e.t.Helper()
	der := e.pc.Certificate[0]
	sum := sha256.Sum256(der)
	now := e.clock.Now()
	header := map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.StdEncoding.EncodeToString(sum[:])} // as MSAL for Go has it
	claims := map[string]any{"aud": e.Authority() + "/oauth2/v2.0/token", "iss": e.app.ClientID, "sub": e.app.ClientID, "jti": newGUID(),
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
	if change != nil {
		change(header, claims)
	}
	return encodeJWT(e.t, e.pc.PrivateKey.(*rsa.PrivateKey), header, claims)
}

// credentialCase is a request for a token of an application itself, and what becomes of it.
type credentialCase struct {
	form   []string
	status int
	code   string
	number float64 // of AADSTS
}

const credentialScope = EntraResource + "/.default openid offline_access profile" // as MSAL for Go asks

// check asks, and looks into the token.
func (e *testEntra) check(name string, tt credentialCase) {
	e.t.Helper()
	status, d := e.ask("token", tt.form...)
	if status != tt.status || d.text("error") != tt.code {
		e.t.Errorf("%s: %d %v", name, status, d)
		return
	}
	if status != 200 {
		if numbers, _ := d["error_codes"].([]any); len(numbers) != 1 || numbers[0] != tt.number {
			e.t.Errorf("%s: %v, want AADSTS%.0f", name, d, tt.number)
		}
		return
	}
	c := e.claims(d.text("access_token"))
	if d.text("token_type") != "Bearer" || d["expires_in"] != 3600.0 || c["exp"].(float64)-c["nbf"].(float64) != 3600 || d["refresh_token"] != nil {
		e.t.Errorf("%s: %v", name, d)
	}
	if c.text("aud") != EntraResource || c.text("deviceid") != e.app.DeviceID || c.text("oid") != e.app.ObjectID || c.text("tid") != e.Tenant() || c.text("idtyp") != "app" {
		e.t.Errorf("%s: the token says %v", name, c)
	}
}

func TestEntraSecret(t *testing.T) {
	e := newTestEntra(t, nil)
	bySecret := func(id, secret, scope string) []string {
		return []string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret, "scope", scope}
	}
	const scope = credentialScope
	for name, tt := range map[string]credentialCase{
		"secret":           {bySecret(e.app.ClientID, "canary-secret", scope), 200, "", 0},
		"upper case":       {bySecret(strings.ToUpper(e.app.ClientID), "canary-secret", EntraResource+"/.default"), 200, "", 0},
		"wrong secret":     {bySecret(e.app.ClientID, "other", scope), 401, "invalid_client", 7000215},
		"no secret":        {bySecret(e.app.ClientID, "", scope), 401, "invalid_client", 7000218},
		"has no secret":    {bySecret(e.public.ClientID, "x", scope), 401, "invalid_client", 7000215},
		"unknown client":   {bySecret(newGUID(), "other", scope), 400, "unauthorized_client", 700016},
		"no default":       {bySecret(e.app.ClientID, "canary-secret", EntraResource+"/user_impersonation"), 400, "invalid_scope", 1002012},
		"no resource":      {bySecret(e.app.ClientID, "canary-secret", "openid"), 400, "invalid_scope", 70011},
		"two resources":    {bySecret(e.app.ClientID, "canary-secret", "https://a/.default https://b/.default"), 400, "invalid_scope", 70011},
		"another resource": {bySecret(e.app.ClientID, "canary-secret", "https://graph.example/.default"), 400, "invalid_resource", 500011},
		"no grant":         {[]string{"grant_type", "password"}, 400, "unsupported_grant_type", 70003},
	} {
		e.check(name, tt)
	}
	if e.Tokens(EntraToken{}) != 2 || e.Tokens(EntraToken{ClientID: strings.ToUpper(e.app.ClientID), Grant: "client_credentials"}) != 2 || e.Tokens(EntraToken{Grant: "device_code"}) != 0 {
		t.Errorf("%d tokens were counted", e.Tokens(EntraToken{}))
	}
	basic := base64.StdEncoding.EncodeToString([]byte(e.app.ClientID + ":canary%2Dsecret"))
	resp, body := mustSend(t, e.http, "POST", e.Authority()+"/oauth2/v2.0/token", "grant_type=client_credentials&scope="+url.QueryEscape(scope),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic)
	if resp.StatusCode != 200 {
		t.Errorf("HTTP Basic: %d %s", resp.StatusCode, body)
	}
	checkNoSecret(t, e.Log(), "canary-secret")
	if text := fmt.Sprintf("%+v %#v %+v %+v", e.config, e.app, e.Entra, e.Log().Entries()); strings.Contains(text, "canary-secret") {
		t.Error("a secret shows itself")
	}
}

func TestEntraCertificate(t *testing.T) {
	e := newTestEntra(t, nil)
	e.certify()
	other := e.mustRegister(EntraApp{Secret: NewSecret("other")})
	byAssertion := func(change func(header, claims map[string]any)) []string {
		return []string{"grant_type", "client_credentials", "client_id", e.app.ClientID, "client_assertion", e.assertion(change), "scope", credentialScope,
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
	}
	old := sha1.Sum(e.pc.Certificate[0])
	type m = map[string]any
	for name, tt := range map[string]credentialCase{
		"certificate": {byAssertion(nil), 200, "", 0},
		"RS256, URL base64": {byAssertion(func(h, _ m) {
			h["alg"], h["x5t"] = "RS256", base64.RawURLEncoding.EncodeToString(old[:])
			delete(h, "x5t#S256")
		}), 200, "", 0},
		"issuer as audience": {byAssertion(func(_, c m) { c["aud"] = e.Authority() + "/v2.0" }), 200, "", 0},
		"wrong thumbprint":   {byAssertion(func(h, _ m) { h["x5t#S256"] = base64.StdEncoding.EncodeToString(old[:]) }), 401, "invalid_client", 700027},
		"no thumbprint":      {byAssertion(func(h, _ m) { delete(h, "x5t#S256") }), 401, "invalid_client", 700027},
		"not signed":         {byAssertion(func(h, _ m) { h["alg"] = "none" }), 401, "invalid_client", 700027},
		"another audience":   {byAssertion(func(_, c m) { c["aud"] = "https://evil.example" }), 401, "invalid_client", 700027},
		"another client":     {byAssertion(func(_, c m) { c["sub"] = other.ClientID }), 401, "invalid_client", 700027},
		"expired":            {byAssertion(func(_, c m) { c["exp"] = e.clock.Now().Add(-6 * time.Minute).Unix() }), 401, "invalid_client", 700027},
		"not JWT":            {append(byAssertion(nil), "client_assertion", "x"), 401, "invalid_client", 700027},
		"another type":       {append(byAssertion(nil), "client_assertion_type", "saml"), 400, "invalid_request", 900144},
		"no certificate":     {append(byAssertion(nil), "client_id", other.ClientID), 401, "invalid_client", 700027},
	} {
		e.check(name, tt)
	}
}

// FuzzScope: what is understood is one resource, which there is, and names in it.
func FuzzScope(f *testing.F) {
	for _, text := range []string{credentialScope, "openid", "https://a/.default https://b/.default", "/", EntraResource + "/", " ", "email profile x"} {
		f.Add(text)
	}
	ca, err := NewCA()
	if err != nil {
		f.Fatal(err)
	}
	e, err := NewEntra(EntraConfig{CA: ca})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, no := e.understandScope(text)
		if no.status != 0 {
			return
		}
		if s.resource != EntraResource || len(s.names) == 0 {
			t.Errorf("%q is understood as %+v", text, s)
		}
		for _, name := range s.names {
			if !strings.Contains(text, EntraResource+"/"+name) || strings.Contains(name, "/") {
				t.Errorf("%q is understood to have %q", text, name)
			}
		}
	})
}
