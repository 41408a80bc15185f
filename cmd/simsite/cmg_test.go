package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestGatewayByHand goes from a secret of an application to the list of management points behind the gateway.
func TestGatewayByHand(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var o cli
	parser, err := kong.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(strings.Fields("serve --mp --cmg --cmg-content --cmg-content-tokens --entra --ccm-header X-Ccm --sts-carriage body " +
		"--sts-reply json:token --size 1048576 --ca-file " + ca)); err != nil {
		t.Fatal(err)
	}
	text := start(t, o.Serve)
	find := func(expression string) string {
		t.Helper()
		found := regexp.MustCompile(expression).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s is not in\n%s", expression, text)
		}
		return found[1]
	}
	server, authority, control := find(`(https://\S+/CCM_Proxy_ServerAuth/\d+)`), find(`entra +(https://\S+)`), find(`Control: +(\S+)`)
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer c.CloseIdleConnections()
	ask := func(want int, into any, method, address, body string, header ...string) {
		t.Helper()
		status, text := call(t, c, method, address, body, header...)
		if status != want {
			t.Fatalf("%s %s: %d %q", method, address, status, text)
		}
		if into != nil {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatalf("%s: %q: %v", address, text, err)
			}
		}
	}
	const kind, isJSON = "Content-Type", "application/json"
	var app struct{ Client, Secret, Device string }
	ask(200, &app, "POST", control+"/entra/enroll", `{"name":"PC1","managed":"user","public":true}`, kind, isJSON)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.Client}, "client_secret": {app.Secret}, "scope": {"https://ConfigMgrService/.default"}}
	var entra struct {
		Token string `json:"access_token"`
	}
	ask(200, &entra, "POST", authority+"/oauth2/v2.0/token", form.Encode(), kind, "application/x-www-form-urlencoded")
	var ccm, bulk struct{ Token string }
	ask(200, &ccm, "POST", server+"/CCM_STS", entra.Token)
	ask(200, nil, "GET", server+"/SMS_MP/.sms_aut?MPLIST", "", "X-Ccm", "Bearer "+ccm.Token)
	ask(200, &bulk, "POST", control+"/sts/bulk", `{"minutes":5}`, kind, isJSON)
	ask(200, &ccm, "POST", server+"/CCM_STS", bulk.Token)
	ask(204, nil, "POST", control+"/cmg/stranger", `{"on":true}`, kind, isJSON)
	ask(401, nil, "GET", server+"/SMS_MP/.sms_aut?MPLIST", "", "X-Ccm", "Bearer "+ccm.Token)
	ask(204, nil, "POST", control+"/entra/disable", `{"client":"`+app.Client+`"}`, kind, isJSON)
	ask(401, nil, "POST", server+"/CCM_STS", entra.Token)
	ask(400, nil, "POST", control+"/entra/approve", `{"code":"x","user":"ann"}`, kind, isJSON)
	ask(400, nil, "POST", control+"/entra/enroll", `{"name":"no name"}`, kind, isJSON)
	ask(400, nil, "POST", control+"/sts/bulk", `{"minutes":99999}`, kind, isJSON)
	ask(200, nil, "GET", control+"/entra/waiting", "")
	for _, name := range []string{"CMG1", "CMG1-storage", "entra"} {
		ask(204, nil, "POST", control+"/dp/"+name+"/faults", `{"kind":"status"}`, kind, isJSON)
	}
	ask(503, nil, "GET", server+"/CCM_STS", "")
	var said map[string]any
	ask(200, &said, "GET", control+"/status", "")
	if said["cmg_requests"] != 5.0 || said["ccm_tokens_issued"] != 2.0 || said["entra_tokens_issued"] != 1.0 {
		t.Errorf("status %v", said)
	}
	if strings.Contains(text, app.Secret) || strings.Contains(text, ccm.Token) {
		t.Error("a secret is printed")
	}
}

func TestGatewayPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		flags cmgFlags
		want  string // host of the gateway and of its storage
		fails bool
	}{
		"none":               {cmgFlags{}, "", false},
		"somewhere":          {cmgFlags{On: true}, "|", false},
		"named":              {cmgFlags{Place: []string{"cmg.example=192.0.2.1"}}, "cmg.example|", false},
		"with storage":       {cmgFlags{Place: []string{"cmg.example=192.0.2.1", "blob.example=192.0.2.2"}, Content: true}, "cmg.example|blob.example", false},
		"three":              {cmgFlags{Place: []string{"a=192.0.2.1", "b=192.0.2.1", "c=192.0.2.1"}}, "", true},
		"no address":         {cmgFlags{Place: []string{"a"}}, "", true},
		"tokens for nothing": {cmgFlags{On: true, Tokens: true}, "", true},
	} {
		c := &serveCmd{HTTPSPort: 443, CMG: tt.flags}
		place, err := c.gateway()
		got := ""
		if place != nil {
			got = place.Place.Host + "|" + place.Storage.Host
		}
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	c := &serveCmd{HTTPPort: 80, HTTPSPort: 443, Entra: entraFlags{Place: "login.example=192.0.2.1"}}
	if place, err := c.tenant(); err != nil || place.Place.HTTPSAddr != "192.0.2.1:443" {
		t.Errorf("%+v, %v", place, err)
	}
	c.Entra.Place = "login.example"
	if _, err := c.tenant(); err == nil {
		t.Error("a place without an address is one")
	}
}
