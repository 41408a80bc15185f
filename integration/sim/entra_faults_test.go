package sim

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEntraDisabled: an application that is disabled gets no token until it is enabled.
func TestEntraDisabled(t *testing.T) {
	e := newTestEntra(t, nil)
	form := []string{"grant_type", "client_credentials", "client_id", e.app.ClientID, "client_secret", "canary-secret", "scope", EntraResource + "/.default"}
	e.Disable(e.app.ClientID)
	if status, d := e.ask("token", form...); status != 401 || d.text("error") != "invalid_client" {
		t.Errorf("disabled: %d %v", status, d)
	}
	if _, err := e.Issue(e.app.ClientID); err == nil {
		t.Error("disabled: a token is issued")
	}
	e.Enable(strings.ToUpper(e.app.ClientID))
	if err := e.SetLife(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if status, d := e.ask("token", form...); status != 200 || d["expires_in"] != 5.0 {
		t.Errorf("enabled, with a life of 5 s: %d %v", status, d)
	}
	if e.SetLife(0) == nil {
		t.Error("a life of nothing is taken")
	}
}

func TestEntraFaults(t *testing.T) {
	e := newTestEntra(t, nil)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {e.app.ClientID}, "client_secret": {"canary-secret"}, "scope": {EntraResource + "/.default"}}
	ask := func() (*http.Response, []byte, error) {
		return send(t, e.http, "POST", e.tokenEndpoint(), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	for name, tt := range map[string]struct {
		fault  Fault
		status int
		code   string
	}{
		"invalid client": {Fault{Kind: FaultStatus, Status: 401}, 401, "invalid_client"},
		"bad request":    {Fault{Kind: FaultStatus, Status: 400}, 400, "invalid_request"},
		"failing":        {Fault{Kind: FaultStatus, Status: 500}, 500, "server_error"},
		"too busy":       {Fault{Kind: FaultStatus, RetryAfter: 3}, 503, "temporarily_unavailable"},
		"elsewhere only": {Fault{Kind: FaultStatus, Match: "/devicecode"}, 200, ""},
	} {
		in, err := e.Faults.Inject(tt.fault)
		if err != nil {
			t.Fatal(err)
		}
		resp, body, err := ask()
		if err != nil || resp.StatusCode != tt.status || e.read(body).text("error") != tt.code {
			t.Errorf("%s: %v, %s", name, err, body)
		}
		in.Lift()
	}
	for name, fault := range map[string]Fault{"cut": {Kind: FaultShortBody, After: 10}, "reset": {Kind: FaultReset, After: 1}} {
		in, err := e.Faults.Inject(fault)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ask(); err == nil {
			t.Errorf("%s: the answer is whole", name)
		}
		in.Lift()
	}
	in, err := e.Faults.Inject(Fault{Kind: FaultSilence, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	var lifting sync.WaitGroup
	lifting.Go(func() { <-in.Struck(); in.Lift() })
	defer lifting.Wait()
	if resp, _, err := ask(); err != nil || resp.StatusCode != 200 {
		t.Errorf("slow: %v", err)
	}
	e.Kill()
	if _, _, err := ask(); err == nil {
		t.Error("it answers when it is dead")
	}
	if err := e.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if resp, _, err := ask(); err != nil || resp.StatusCode != 200 {
		t.Errorf("revived: %v", err)
	}
}
