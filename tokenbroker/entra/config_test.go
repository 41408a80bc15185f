package entra_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/tokenbroker/entra"
)

func TestConfig(t *testing.T) {
	good := entra.Config{
		Type: entra.ClientCredentials, Tenant: "contoso.example", ClientID: "app", SecretFile: private(t, secretWord), Transport: &http.Transport{},
	}
	if _, err := entra.New(good); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*entra.Config)
		want   string
	}{
		{"no type", func(c *entra.Config) { c.Type = "" }, `there is no type ""`},
		{"no transport", func(c *entra.Config) { c.Transport = nil }, "transport is missing"},
		{"no transport to the metadata", func(c *entra.Config) { c.Type, c.Transport = entra.ManagedIdentity, nil }, "transport is missing"},
		{"no tenant", func(c *entra.Config) { c.Tenant = "" }, "tenant has to be"},
		{"a path for a tenant", func(c *entra.Config) { c.Tenant = "a/b" }, "tenant has to be"},
		{"no application", func(c *entra.Config) { c.ClientID = "" }, "id of the application is missing"},
		{"an authority without TLS", func(c *entra.Config) { c.Authority = "http://login.example.com" }, "authority has to be"},
		{"an authority with a tenant", func(c *entra.Config) { c.Authority = "https://login.example.com/t" }, "authority has to be"},
		{"an authority with a password", func(c *entra.Config) { c.Authority = "https://a:b@login.example.com" }, "authority has to be"},
		{"nothing to show", func(c *entra.Config) { c.SecretFile = "" }, "needs a secret file, or"},
		{"two things to show", func(c *entra.Config) { c.CertificateFile, c.KeyFile = "a", "b" }, "needs a secret file, or"},
		{"no key", func(c *entra.Config) { c.SecretFile, c.CertificateFile = "", "a" }, "needs a secret file, or"},
		{"a secret that is not there", func(c *entra.Config) { c.SecretFile += ".none" }, "reading the secret"},
		{"a certificate that is not there", func(c *entra.Config) { c.SecretFile, c.CertificateFile, c.KeyFile = "", "/none.pem", "/none.key" }, "reading /none.pem"},
		{"a tenant that the library spoils", func(c *entra.Config) { c.Type, c.Tenant = entra.DeviceCode, "tokens.example" }, `"token" in it`},
		{"no file", func(c *entra.Config) { c.Type = entra.File }, "path of the file is missing"},
		{"no program", func(c *entra.Config) { c.Type, c.Argv = entra.Command, []string{""} }, "no program is named"},
		{"a negative timeout", func(c *entra.Config) { c.Timeout = -time.Second }, "negative"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			if _, err := entra.New(config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want %q", err, test.want)
			}
		})
	}
}
