package windowsauth_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
	"branchpoint/tokenbroker/secretfile"
	"branchpoint/tokenbroker/windowsauth"
)

// site is a management point that computers of a domain log in to.
type site struct {
	*sim.ManagementPoint
	ca *sim.CA
}

func newSite(t *testing.T, accounts ...sim.Account) *site {
	t.Helper()
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	mp, err := sim.NewManagementPoint(sim.ManagementPointConfig{
		Name: "MP1", HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", CA: ca, Library: sim.NewLibrary(), Accounts: accounts,
	})
	if err == nil {
		err = mp.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mp.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{mp, ca}
}

// line is a file of one line that nobody else may read.
func line(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "private")
	path := filepath.Join(dir, "password")
	if err := errors.Join(secretfile.MakeDirectory(dir), secretfile.Write(path, "", []byte(text+"\n"))); err != nil {
		t.Fatal(err)
	}
	return path
}

// base is a transport that trusts the site.
func (s *site) base(t *testing.T) *http.Transport {
	t.Helper()
	base, err := ccm.NewTransport(ccm.TransportConfig{TLS: &tls.Config{RootCAs: s.ca.Pool(), MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// login is a transport for a user.
func (s *site) login(t *testing.T, scheme, user, passwordFile string, log *bytes.Buffer) *windowsauth.Transport {
	t.Helper()
	config := windowsauth.Config{URL: s.URL(scheme), User: user, PasswordFile: passwordFile, Transport: s.base(t)}
	if log != nil {
		config.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	login, err := windowsauth.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(login.CloseIdleConnections)
	return login
}

// client sends messages over a transport, as a machine with a new key.
func (s *site) client(t *testing.T, scheme string, transport http.RoundTripper) *ccm.Client {
	t.Helper()
	i, err := identity.Create(identity.Config{Directory: filepath.Join(t.TempDir(), "identity"), SiteCode: "PS1"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := ccm.New(ccm.Config{
		URL: s.URL(scheme), Directory: "ccm_system_windowsauth", SiteCode: "PS1", Host: "PC1", Identity: i.CCM(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func account(domain, name, password string) sim.Account {
	return sim.Account{Domain: domain, Name: name, Password: sim.NewSecret(password)}
}
