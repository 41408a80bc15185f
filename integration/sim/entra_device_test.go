package sim

import (
	"strings"
	"testing"
	"time"
)

const deviceScope = EntraResource + "/.default openid offline_access profile"

// start begins a device code flow.
func (e *testEntra) start() document {
	e.t.Helper()
	status, d := e.ask("devicecode", "client_id", e.public.ClientID, "scope", deviceScope)
	if status != 200 || !strings.Contains(d.text("message"), d.text("user_code")) || d.text("verification_uri") == "" || d["expires_in"] != 900.0 {
		e.t.Fatalf("device code: %d %v", status, d)
	}
	return d
}

func (e *testEntra) poll(code string) (int, document) {
	e.t.Helper()
	return e.ask("token", "grant_type", "device_code", "client_id", e.public.ClientID, "device_code", code, "client_info", "1", "scope", deviceScope)
}

func TestEntraDeviceCode(t *testing.T) {
	e := newTestEntra(t, nil)
	d := e.start()
	code, user := d.text("device_code"), d.text("user_code")
	if status, d := e.poll(code); status != 400 || d.text("error") != "authorization_pending" {
		t.Fatalf("pending: %d %v", status, d)
	}
	if waiting := e.Waiting(); len(waiting) != 1 || waiting[0] != user {
		t.Errorf("waiting: %v", waiting)
	}
	if e.Approve("NOBODY", "ann@example.org") == nil || e.Approve(user, "") == nil || e.Decline("NOBODY") == nil {
		t.Error("a code that nobody has is entered, or nobody enters one")
	}
	if err := e.Approve(strings.ToLower(user), "ann@example.org"); err != nil || len(e.Waiting()) != 0 {
		t.Fatalf("approve: %v", err)
	}
	status, d := e.poll(code)
	access, id := e.claims(d.text("access_token")), e.claims(d.text("id_token"))
	if status != 200 || access.text("upn") != "ann@example.org" || access.text("idtyp") != "user" || access.text("oid") != id.text("oid") || id.text("aud") != e.public.ClientID {
		t.Errorf("approved: %d, the tokens say %v and %v", status, access, id)
	}
	if d.text("client_info") == "" || !strings.Contains(d.text("scope"), EntraResource+"/.default") {
		t.Errorf("approved: %v", d)
	}
	if status, d := e.poll(code); status != 400 || d.text("error") != "bad_verification_code" {
		t.Errorf("used twice: %d %v", status, d)
	}
	e.checkRefresh(d.text("refresh_token"))
}

// checkRefresh renews a token, and sees it end.
func (e *testEntra) checkRefresh(token string) {
	e.t.Helper()
	refresh := func(client string) (int, document) {
		return e.ask("token", "grant_type", "refresh_token", "client_id", client, "refresh_token", token, "scope", deviceScope)
	}
	status, d := refresh(e.public.ClientID)
	if status != 200 || e.claims(d.text("access_token")).text("upn") != "ann@example.org" || d.text("refresh_token") == "" || e.Tokens(EntraToken{Grant: "refresh_token"}) != 1 {
		e.t.Errorf("refresh: %d %v", status, d)
	}
	if status, d := refresh(e.app.ClientID); status != 400 || d.text("error") != "invalid_grant" {
		e.t.Errorf("refresh by another application: %d %v", status, d)
	}
	e.SignOut("ANN@example.org")
	if status, d := refresh(e.public.ClientID); status != 400 || d.text("error") != "invalid_grant" {
		e.t.Errorf("refresh after the user has signed out: %d %v", status, d)
	}
}

func TestEntraDeviceCodeRefused(t *testing.T) {
	e := newTestEntra(t, nil)
	for name, tt := range map[string]struct{ client, scope, code string }{
		"not public":     {e.app.ClientID, deviceScope, "invalid_client"},
		"unknown client": {newGUID(), deviceScope, "unauthorized_client"},
		"no scope":       {e.public.ClientID, "", "invalid_scope"},
		"resource":       {e.public.ClientID, "https://graph.example/.default", "invalid_resource"},
	} {
		if status, d := e.ask("devicecode", "client_id", tt.client, "scope", tt.scope); status < 400 || d.text("error") != tt.code {
			t.Errorf("%s: %d %v", name, status, d)
		}
	}
	declined, late, shut := e.start(), e.start(), e.start()
	if err := e.Decline(declined.text("user_code")); err != nil {
		t.Fatal(err)
	}
	expect := func(name string, d document, want string) {
		t.Helper()
		if status, got := e.poll(d.text("device_code")); status < 400 || got.text("error") != want {
			t.Errorf("%s: %d %v, want %s", name, status, got, want)
		}
	}
	expect("declined", declined, "authorization_declined")
	expect("unknown", document{"device_code": "x"}, "bad_verification_code")
	e.clock.advance(15 * time.Minute)
	if err := e.Approve(late.text("user_code"), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	expect("too late", late, "expired_token")
	e.Disable(e.public.ClientID)
	expect("disabled", shut, "invalid_client")
}
