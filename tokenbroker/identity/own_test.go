package identity_test

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/tokenbroker/identity"
)

func TestCreateAndLoad(t *testing.T) {
	config := own(t)
	if _, err := identity.Load(config); !errors.Is(err, identity.ErrNone) {
		t.Errorf("Load of nothing = %v, want ErrNone", err)
	}
	made, err := identity.Create(config)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	if string(made.CCM().Certificate()) != string(loaded.CCM().Certificate()) {
		t.Error("Load gives another certificate than Create")
	}
	if _, err := identity.Create(config); !errors.Is(err, identity.ErrExists) {
		t.Errorf("Create once more = %v, want ErrExists", err)
	}
	again, err := loaded.Current()
	if err != nil || again != loaded {
		t.Errorf("Current where nothing changed = %p, %v, want %p itself", again, err, loaded)
	}
	cert, err := x509.ParseCertificate(loaded.CCM().Certificate())
	if err != nil {
		t.Fatal(err)
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || public.N.BitLen() != 2048 || cert.Subject.CommonName != "ConfigMgr Client" {
		t.Errorf("the certificate is for %T of %q, want RSA 2048 of ConfigMgr Client", cert.PublicKey, cert.Subject)
	}
	if loaded.TLS() != nil {
		t.Error("a self-signed certificate is shown to servers")
	}
	for moment, want := range map[time.Time]bool{start: true, start.Add(-time.Hour): true, start.AddDate(19, 11, 0): true, start.AddDate(21, 0, 0): false} {
		if err := loaded.Valid(moment); (err == nil) != want || err != nil && !errors.Is(err, identity.ErrNotValid) {
			t.Errorf("Valid at %v = %v, want %v", moment, err, want)
		}
	}
}

// TestOneKey has the service and the command line make an identity at once.
func TestOneKey(t *testing.T) {
	config := own(t)
	var wg sync.WaitGroup
	made := make([]*identity.Identity, 3)
	for n := range made {
		wg.Go(func() {
			i, err := identity.Create(config)
			if err != nil && !errors.Is(err, identity.ErrExists) {
				t.Error(err)
			}
			made[n] = i
		})
	}
	wg.Wait()
	there, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	winners := 0
	for _, i := range made {
		if i != nil {
			winners++
			if string(i.CCM().Certificate()) != string(there.CCM().Certificate()) {
				t.Error("one was told that it made the identity, and another one is there")
			}
		}
	}
	if winners != 1 {
		t.Errorf("%d made the identity, want 1", winners)
	}
}

func TestDamagedKey(t *testing.T) {
	_, config := created(t)
	path := filepath.Join(config.Directory, "client.key")
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Load(config); err == nil || !strings.Contains(err.Error(), path) || errors.Is(err, identity.ErrNone) {
		t.Errorf("Load of a damaged key = %v", err)
	}
	if _, err := identity.Create(config); err == nil || errors.Is(err, identity.ErrExists) {
		t.Errorf("Create beside a damaged key = %v, want what is wrong with it", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "damaged" {
		t.Errorf("the damaged key has become %q, %v", text, err)
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*identity.Config)
		want   string
	}{
		{"no directory", func(c *identity.Config) { c.Directory = "" }, "directory is not named"},
		{"no site", func(c *identity.Config) { c.SiteCode = "" }, "not the code of a site"},
		{"two places", func(c *identity.Config) { c.PFXFile, c.Store.Subject = "a", "b" }, "more than one place"},
		{"a password for nothing", func(c *identity.Config) { c.PasswordFile = "a" }, "no PFX file"},
		{"no key", func(c *identity.Config) { c.CertificateFile = "a" }, "one is missing"},
		{"no certificate", func(c *identity.Config) { c.KeyFile = "a" }, "one is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := own(t)
			test.change(&config)
			_, loadErr := identity.Load(config)
			_, createErr := identity.Create(config)
			for verb, err := range map[string]error{"Load": loadErr, "Create": createErr} {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s = %v, want %q", verb, err, test.want)
				}
			}
		})
	}
}
