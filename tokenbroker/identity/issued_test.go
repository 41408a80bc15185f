package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

func TestIssued(t *testing.T) {
	leaf, authority := issued(t, client{subject: "client.example.org", issuer: "Example CA", usage: clientAuth()})
	for _, test := range []struct {
		from   string
		config identity.Config
	}{
		{"PEM files", withPEM(t, leaf, keys()[1])},
		{"PFX file", withPFX(t, leaf, authority, keys()[1])},
	} {
		t.Run(test.from, func(t *testing.T) {
			i, err := identity.Load(test.config)
			if err != nil {
				t.Fatal(err)
			}
			if d := i.Describe(); d.Kind != "issued" || d.From != test.from || d.Subject != "CN=client.example.org" || d.Issuer != "CN=Example CA" {
				t.Errorf("described as %+v", d)
			}
			handshake(t, i, authority)
			expect(t, save(t, i, ccm.Registration{SMSID: first, Approval: ccm.ApprovalNotApplicable}), first, string(ccm.StateRegistered))
			if _, err := identity.Create(test.config); err == nil || !strings.Contains(err.Error(), "nothing to be made") {
				t.Errorf("Create = %v", err)
			}
		})
	}
}

// handshake shows the certificate to a server that verifies it.
func handshake(t *testing.T, i *identity.Identity, authority *x509.Certificate) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.TLS.PeerCertificates[0].Subject.CommonName))
	}))
	server.TLS = &tls.Config{
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), Time: at(start), MinVersion: tls.VersionTLS12,
	}
	server.TLS.ClientCAs.AddCert(authority)
	server.StartTLS()
	defer server.Close()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := server.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = []tls.Certificate{*i.TLS()}
		transport.TLSClientConfig.MinVersion, transport.TLSClientConfig.MaxVersion = version, version
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
			continue
		}
		_ = response.Body.Close()
		transport.CloseIdleConnections()
	}
}

func TestUnfitCertificate(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, test := range []struct {
		name string
		client
		want string // empty: it is taken
	}{
		{"for clients", client{usage: clientAuth()}, ""},
		{"for clients and servers", client{usage: append(server, clientAuth()...)}, ""},
		{"for everything", client{}, ""},
		{"for anything", client{usage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, ""},
		{"for servers", client{usage: server}, "client authentication"},
		{"for something else", client{unknown: []asn1.ObjectIdentifier{{1, 2, 3}}}, "client authentication"},
		{"of an elliptic curve", client{usage: clientAuth(), key: &curve.PublicKey}, "none of its certificates"},
	} {
		t.Run(test.name, func(t *testing.T) {
			leaf, _ := issued(t, test.client)
			_, err := identity.Load(withPEM(t, leaf, keys()[1]))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Load = %v, want %q", err, test.want)
			}
		})
	}
}

// TestRenewal replaces a certificate: with the same key it is the same client to the site, with another key it is not.
func TestRenewal(t *testing.T) {
	leaf, _ := issued(t, client{subject: "a.example.org", usage: clientAuth()})
	config := withPEM(t, leaf, keys()[1])
	i, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	i = save(t, i, approved(first))
	renewed, _ := issued(t, client{subject: "b.example.org", usage: clientAuth()})
	replacePEM(t, config, renewed, keys()[1])
	now, err := i.Current()
	if err != nil {
		t.Fatal(err)
	}
	if now.Describe().Subject != "CN=b.example.org" {
		t.Errorf("Current has the certificate of %s", now.Describe().Subject)
	}
	expect(t, now, first, string(ccm.StateRegistered))
	other, _ := issued(t, client{subject: "c.example.org", usage: clientAuth(), key: &keys()[2].PublicKey})
	replacePEM(t, config, other, keys()[2])
	if now, err = now.Current(); err != nil {
		t.Fatal(err)
	}
	expect(t, now, "", identity.Unregistered)
}

func TestDescriptionInJSON(t *testing.T) {
	leaf, _ := issued(t, client{subject: "a.example.org", issuer: "Example CA", usage: clientAuth()})
	i, err := identity.Load(withPEM(t, leaf, keys()[1]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(i.Describe())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"kind":"issued"`, `"subject":"CN=a.example.org"`, `"not_after":"2031-01-02T03:04:05Z"`, `"site":"PS1"`, `"state":"not registered"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the description lacks %s: %s", want, text)
		}
	}
	if strings.Contains(string(text), "smsid") || strings.Contains(string(text), "asked") {
		t.Errorf("the description has what is not known: %s", text)
	}
}
