package entra_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/entra"
	"branchpoint/tokenbroker/secretfile"
)

func TestSecret(t *testing.T) {
	n := newTenant(t, nil)
	s := source(t, n.config(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := token(t, s)
	if got := n.Tokens(sim.EntraToken{Grant: "client_credentials"}); got != 1 {
		t.Errorf("%d tokens were issued, want 1 for all", got)
	}
	if left := time.Until(first.Expires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the token is good for %v, want about an hour", left)
	}
	s.Forget(first)
	if second := token(t, s); second.Reveal() == first.Reveal() {
		t.Error("the token that was refused is given out again")
	}
	if got := n.Tokens(sim.EntraToken{Grant: "client_credentials"}); got != 2 {
		t.Errorf("%d tokens were issued, want 2", got)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, s); strings.Contains(text, secretWord) || strings.Contains(text, first.Reveal()) {
			t.Errorf("%s prints a secret", verb)
		}
	}
}

// TestSecretIsReadAnew changes the secret of the application: the next token is asked for with the new one.
func TestSecretIsReadAnew(t *testing.T) {
	n := newTenant(t, nil)
	config := n.config(t)
	s := source(t, config)
	first := token(t, s)
	n.app.Secret = sim.NewSecret("another-secret")
	n.register(t, n.app)
	s.Forget(first)
	_, err := s.Token(t.Context())
	expect(t, err, entra.ErrRefused, "AADSTS7000215")
	if err := secretfile.Write(config.SecretFile, "", []byte("another-secret")); err != nil {
		t.Fatal(err)
	}
	token(t, s)
	if err := secretfile.Write(config.SecretFile, "", nil); err != nil {
		t.Fatal(err)
	}
	s.Forget(token(t, s))
	_, err = s.Token(t.Context())
	expect(t, err, entra.ErrUnavailable, "reading the secret of the application")
}

func TestCertificate(t *testing.T) {
	n := newTenant(t, nil)
	machine, err := sim.NewMachine(sim.Workgroup, "PC1")
	if err == nil {
		machine, err = machine.WithPKI(n.ca)
	}
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(machine.PKI.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	config := n.config(t)
	config.ClientID = n.register(t, sim.EntraApp{Certificate: cert}).ClientID
	config.SecretFile = ""
	config.CertificateFile = private(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
	key := x509.MarshalPKCS1PrivateKey(machine.PKI.PrivateKey.(*rsa.PrivateKey))
	config.KeyFile = private(t, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: key})))
	token(t, source(t, config))
	config.ClientID = n.app.ClientID // whose credential is another one
	_, err = source(t, config).Token(t.Context())
	expect(t, err, entra.ErrRefused, "AADSTS")
}

func TestRefusals(t *testing.T) {
	n := newTenant(t, nil)
	for _, test := range []struct {
		name   string
		change func(*entra.Config)
		words  string
	}{
		{"wrong secret", func(c *entra.Config) { c.SecretFile = private(t, "wrong") }, "invalid_client, AADSTS7000215"},
		{"unknown application", func(c *entra.Config) { c.ClientID = "00000000-0000-0000-0000-000000000000" }, "AADSTS700016"},
		{"unknown tenant", func(c *entra.Config) { c.Tenant = "00000000-0000-0000-0000-000000000000" }, "invalid_tenant, AADSTS90002"},
		{"unknown resource", func(c *entra.Config) { c.Resource = "https://Other" }, "AADSTS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := n.config(t)
			test.change(&config)
			_, err := source(t, config).Token(t.Context())
			expect(t, err, entra.ErrRefused, test.words)
		})
	}
	n.Disable(n.app.ClientID)
	_, err := source(t, n.config(t)).Token(t.Context())
	expect(t, err, entra.ErrRefused, "invalid_client, AADSTS7000112")
}

func TestTrouble(t *testing.T) {
	n := newTenant(t, nil)
	s := source(t, n.config(t))
	if _, err := n.Faults.Inject(sim.Fault{Kind: sim.FaultStatus, Status: 503}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Token(t.Context())
	expect(t, err, ccm.ErrServer, "HTTP 503, temporarily_unavailable, AADSTS90033")
	n.Faults.Clear()
	good := token(t, s)

	untrusted := n.config(t)
	if untrusted.Transport, err = ccm.NewTransport(ccm.TransportConfig{}); err != nil {
		t.Fatal(err)
	}
	_, err = source(t, untrusted).Token(t.Context())
	expect(t, err, ccm.ErrUnreachable, "certificate")

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	s.Forget(good)
	_, err = s.Token(cancelled)
	expect(t, err, context.Canceled, "canceled")
	n.Kill()
	_, err = s.Token(t.Context())
	expect(t, err, ccm.ErrUnreachable, "there is no answer")
}

// TestStrangers are servers that are no Entra, or have been made to lead elsewhere. What must not happen is that the secret
// goes anywhere but to the authority.
func TestStrangers(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	plain := httptest.NewServer(other.Config.Handler)
	defer plain.Close()
	discovery := func(w http.ResponseWriter, r *http.Request, endpoint string) {
		base := "https://" + r.Host + "/contoso.example"
		_, _ = fmt.Fprintf(w, `{"issuer":"%s/v2.0","authorization_endpoint":"%s/a","token_endpoint":"%s"}`, base, base, endpoint)
	}
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		kind   error
		words  string
	}{
		{"a captive portal", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>pay here</html>") }, entra.ErrStrange, "HTTP 200"},
		{"no such page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, entra.ErrStrange, "HTTP 404"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, ccm.ErrRedirected, "HTTP 307"},
		{"a redirect of the secret", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
				return
			}
			discovery(w, r, "https://"+r.Host+"/contoso.example/t")
		}, ccm.ErrRedirected, "HTTP 307"},
		{"an endpoint of another host", func(w http.ResponseWriter, r *http.Request) { discovery(w, r, other.URL) }, entra.ErrStrange, "another host"},
		{"an endpoint without TLS", func(w http.ResponseWriter, r *http.Request) { discovery(w, r, plain.URL) }, entra.ErrStrange, "another host"},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"issuer":"%s"}`, strings.Repeat("x", 2<<20))
		}, entra.ErrStrange, "HTTP 200"},
		{"a token that is none", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = fmt.Fprint(w, `{"token_type":"Bearer","access_token":"two\nlines","expires_in":3600}`)
				return
			}
			discovery(w, r, "https://"+r.Host+"/contoso.example/t")
		}, entra.ErrUnavailable, "what is there is none"},
		{"an echo", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusBadRequest)
				_ = r.ParseForm()
				_, _ = fmt.Fprintf(w, `{"error":"%s","error_description":"%s"}`, r.Form.Get("client_secret"), r.Form.Get("client_secret"))
				return
			}
			discovery(w, r, "https://"+r.Host+"/contoso.example/t")
		}, entra.ErrStrange, "HTTP 400"},
		{"a broken line", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, "{")
		}, ccm.ErrUnreachable, "there is no answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(test.answer))
			defer server.Close()
			_, err := source(t, entra.Config{
				Type: entra.ClientCredentials, Tenant: "contoso.example", ClientID: "app", SecretFile: private(t, secretWord),
				Authority: server.URL, Transport: server.Client().Transport,
			}).Token(t.Context())
			expect(t, err, test.kind, test.words)
		})
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// TestSlow gives up in time.
func TestSlow(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // which never answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	transport, err := ccm.NewTransport(ccm.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = source(t, entra.Config{
		Type: entra.ClientCredentials, Tenant: "contoso.example", ClientID: "app", SecretFile: private(t, secretWord),
		Authority: "https://" + listener.Addr().String(), Transport: transport, Timeout: 100 * time.Millisecond,
	}).Token(t.Context())
	expect(t, err, ccm.ErrUnreachable, "it took too long")
}
