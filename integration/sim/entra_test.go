package sim

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// testEntra is a tenant on a clock of its own, with applications, and a client that knows none of its code.
type testEntra struct {
	*Entra
	t     testing.TB
	clock *testClock
	ca    *CA
	http  *http.Client

	app    EntraApp // with a secret, of a device
	public EntraApp
	pc     *tls.Certificate // of the application, once it has one
}

func newTestEntra(t testing.TB, change func(*EntraConfig)) *testEntra {
	t.Helper()
	e := &testEntra{t: t, clock: &testClock{now: time.Now()}}
	var err error
	if e.ca, err = NewCA(); err != nil {
		t.Fatal(err)
	}
	c := EntraConfig{CA: e.ca, Now: e.clock.Now, HTTPAddr: "127.0.0.1:0"}
	if change != nil {
		change(&c)
	}
	if e.Entra, err = NewEntra(c); err != nil {
		t.Fatal(err)
	}
	startForTest(t, e.origin)
	e.http = newHTTPClient(t, e.ca)
	e.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	e.app = e.mustRegister(EntraApp{DeviceID: newGUID(), Secret: NewSecret("canary-secret")})
	e.public = e.mustRegister(EntraApp{Public: true})
	return e
}

func (e *testEntra) mustRegister(app EntraApp) EntraApp {
	e.t.Helper()
	app, err := e.Register(app)
	if err != nil {
		e.t.Fatal(err)
	}
	return app
}

// certify gives the application a certificate.
func (e *testEntra) certify() {
	e.t.Helper()
	var err error
	if e.pc, err = newSelfSigned(); err != nil {
		e.t.Fatal(err)
	}
	e.app.Certificate = mustLeaf(e.t, e.pc)
	e.app = e.mustRegister(e.app)
}

func mustLeaf(t testing.TB, pair *tls.Certificate) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustSend sends a request with a body.
func mustSend(t testing.TB, c *http.Client, method, address, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	resp, content, err := send(t, c, method, address, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return resp, content
}

func send(t testing.TB, c *http.Client, method, address, body string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	content, err := io.ReadAll(resp.Body)
	return resp, content, err
}

// document is what a server has said in JSON.
type document map[string]any

func (d document) text(name string) string { s, _ := d[name].(string); return s }

func (e *testEntra) get(address string, header ...string) (int, document) {
	e.t.Helper()
	resp, body := mustSend(e.t, e.http, "GET", address, "", header...)
	return resp.StatusCode, e.read(body)
}

func (e *testEntra) read(body []byte) (d document) {
	e.t.Helper()
	if err := json.Unmarshal(body, &d); err != nil {
		e.t.Fatalf("%q: %v", body, err)
	}
	return d
}

// ask posts a form: names and values in turn.
func (e *testEntra) ask(endpoint string, form ...string) (int, document) {
	e.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	resp, body := mustSend(e.t, e.http, "POST", e.Authority()+"/oauth2/v2.0/"+endpoint, values.Encode(), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return resp.StatusCode, e.read(body)
}

// claims checks the signature of a token with the key that the tenant tells, and returns what it says.
func (e *testEntra) claims(token string) document {
	e.t.Helper()
	_, discovery := e.get(e.Authority() + "/v2.0/.well-known/openid-configuration")
	_, keys := e.get(discovery.text("jwks_uri"))
	jwk := document(keys["keys"].([]any)[0].(map[string]any))
	number := func(name string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(jwk.text(name))
		if err != nil {
			e.t.Fatal(err)
		}
		return new(big.Int).SetBytes(raw)
	}
	read, err := readJWT(token)
	if err == nil {
		err = read.verify(&rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}, false)
	}
	if err != nil || read.header["kid"] != jwk.text("kid") {
		e.t.Fatalf("a token is not signed with the published key: %v", err)
	}
	return read.claims
}

func TestEntraDiscovery(t *testing.T) {
	e := newTestEntra(t, nil)
	base, host := e.URL("https"), strings.TrimPrefix(e.URL("https"), "https://")
	instance := base + "/common/discovery/instance?api-version=1.1&authorization_endpoint="
	status, d := e.get(instance + url.QueryEscape("https://"+host+"/"+e.Tenant()+"/oauth2/v2.0/authorize"))
	if status != 200 || d.text("tenant_discovery_endpoint") != e.Authority()+"/v2.0/.well-known/openid-configuration" {
		t.Fatalf("instance discovery: %d %v", status, d)
	}
	status, d = e.get(strings.Replace(d.text("tenant_discovery_endpoint"), e.Tenant(), strings.ToUpper(e.Tenant()), 1))
	if status != 200 || d.text("token_endpoint") != e.Authority()+"/oauth2/v2.0/token" || d.text("issuer") != e.Authority()+"/v2.0" || d.text("authorization_endpoint") == "" {
		t.Errorf("tenant discovery: %d %v", status, d)
	}
	for name, tt := range map[string]struct {
		method, address string
		status          int
		code            string
	}{
		"another instance":   {"GET", instance + "https%3A%2F%2Fevil.example%2Fcommon", 400, "invalid_instance"},
		"no instance":        {"GET", base + "/common/discovery/instance", 400, "invalid_instance"},
		"another tenant":     {"GET", base + "/" + newGUID() + "/v2.0/.well-known/openid-configuration", 400, "invalid_tenant"},
		"no such endpoint":   {"GET", e.Authority() + "/oauth2/token", 404, "invalid_request"},
		"GET for a token":    {"GET", e.Authority() + "/oauth2/v2.0/token", 405, "invalid_request"},
		"not a form":         {"POST", e.Authority() + "/oauth2/v2.0/token", 400, "invalid_request"},
		"POST to discovery":  {"POST", e.Authority() + "/discovery/v2.0/keys", 405, "invalid_request"},
		"metadata over TLS":  {"GET", base + metadataPath + "?api-version=2018-02-01", 404, "invalid_request"},
		"a tenant over http": {"GET", e.URL("http") + "/" + e.Tenant() + "/v2.0/.well-known/openid-configuration", 404, "invalid_request"},
	} {
		resp, body := mustSend(t, e.http, tt.method, tt.address, "")
		if d := e.read(body); resp.StatusCode != tt.status || d.text("error") != tt.code || d.text("error_description") == "" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestNewEntraRefuses(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]EntraConfig{
		"no CA": {}, "tenant": {CA: ca, Tenant: "contoso"}, "life": {CA: ca, Life: -1}, "code life": {CA: ca, CodeLife: -1},
		"host": {CA: ca, Host: "token.example"}, "everywhere": {CA: ca, HTTPSAddr: "0.0.0.0:0"},
	} {
		if _, err := NewEntra(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	e := newTestEntra(t, nil)
	server, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	for name, app := range map[string]EntraApp{
		"client": {ClientID: "x"}, "object": {ObjectID: "x"}, "device": {DeviceID: "x"}, "identity": {Managed: 9}, "key": {Certificate: mustLeaf(t, &server)},
	} {
		if _, err := e.Register(app); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
	if _, err := e.Issue(newGUID()); err == nil {
		t.Error("a token for nobody is issued")
	}
}
