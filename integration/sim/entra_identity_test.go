package sim

import (
	"strconv"
	"strings"
	"testing"
)

func TestEntraManagedIdentity(t *testing.T) {
	e := newTestEntra(t, nil)
	system := e.mustRegister(EntraApp{Managed: SystemAssigned, DeviceID: newGUID()})
	user := e.mustRegister(EntraApp{Managed: UserAssigned})
	off := e.mustRegister(EntraApp{Managed: UserAssigned})
	e.Disable(off.ClientID)
	service, secret := e.IdentityEndpoint()
	imds := e.URL("http") + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2FConfigMgrService"
	app := service + "?api-version=2019-08-01&resource=https%3A%2F%2FConfigMgrService"
	for name, tt := range map[string]struct {
		address string
		header  []string
		status  int
		client  string
		wrong   string // in the description
	}{
		"the machine's own":    {imds, []string{"Metadata", "true"}, 200, system.ClientID, ""},
		"any case":             {strings.Replace(imds, "/metadata/", "/Metadata/", 1), []string{"Metadata", "True"}, 200, system.ClientID, ""},
		"by client id":         {imds + "&client_id=" + user.ClientID, []string{"Metadata", "true"}, 200, user.ClientID, ""},
		"by object id":         {imds + "&object_id=" + user.ObjectID, []string{"Metadata", "true"}, 200, user.ClientID, ""},
		"by principal id":      {app + "&principal_id=" + user.ObjectID, []string{"X-IDENTITY-HEADER", secret.Reveal()}, 200, user.ClientID, ""},
		"App Service":          {app, []string{"X-IDENTITY-HEADER", secret.Reveal()}, 200, system.ClientID, ""},
		"no header":            {imds, nil, 400, "", "metadata header"},
		"forwarded":            {imds, []string{"Metadata", "true", "X-Forwarded-For", "192.0.2.1"}, 400, "", "forwarded"},
		"no version":           {strings.Replace(imds, "api-version", "v", 1), []string{"Metadata", "true"}, 400, "", "api-version"},
		"another resource":     {strings.Replace(imds, "ConfigMgrService", "graph", 1), []string{"Metadata", "true"}, 400, "", "AADSTS500011"},
		"no such identity":     {imds + "&client_id=" + newGUID(), []string{"Metadata", "true"}, 400, "", "Identity not found"},
		"not managed":          {imds + "&client_id=" + e.app.ClientID, []string{"Metadata", "true"}, 400, "", "Identity not found"},
		"disabled":             {imds + "&client_id=" + off.ClientID, []string{"Metadata", "true"}, 400, "", "Identity not found"},
		"by resource id":       {imds + "&msi_res_id=x", []string{"Metadata", "true"}, 400, "", "Identity not found"},
		"App Service, no":      {app, nil, 401, "", "identity header"},
		"App Service, another": {app, []string{"X-IDENTITY-HEADER", "x"}, 401, "", "identity header"},
		"elsewhere":            {e.URL("http") + "/metadata/instance", []string{"Metadata", "true"}, 404, "", "no such endpoint"},
	} {
		status, d := e.get(tt.address, tt.header...)
		if status != tt.status || d.text("client_id") != tt.client || !strings.Contains(d.text("error_description"), tt.wrong) {
			t.Errorf("%s: %d %v", name, status, d)
		}
		if status != 200 {
			continue
		}
		c := e.claims(d.text("access_token"))
		ends, err := strconv.ParseFloat(d.text("expires_on"), 64)
		if err != nil || ends != c["exp"] || d.text("expires_in") != "3600" || c.text("aud") != EntraResource || c.text("appid") != tt.client {
			t.Errorf("%s: %v, the token says %v", name, d, c)
		}
	}
	if got := e.Tokens(EntraToken{Grant: "managed_identity"}); got != 6 {
		t.Errorf("%d tokens were counted", got)
	}
	if resp, _ := mustSend(t, e.http, "POST", imds, "", "Metadata", "true"); resp.StatusCode != 405 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	checkNoSecret(t, e.Log(), secret.Reveal())
	if address, _ := newTestEntra(t, func(c *EntraConfig) { c.HTTPAddr = "" }).IdentityEndpoint(); address != "" {
		t.Errorf("without http there is the endpoint %s", address)
	}
}
