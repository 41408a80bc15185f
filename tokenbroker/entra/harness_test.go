package entra_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/entra"
	"branchpoint/tokenbroker/secretfile"
)

// secretWord is the secret of the application. No text may hold it.
const secretWord = "s3cret~of.the-application"

// tenant is a tenant of Entra with an application that has a secret, and one that people sign in with.
type tenant struct {
	*sim.Entra
	ca  *sim.CA
	app sim.EntraApp
	log *safeLog
}

func newTenant(t *testing.T, change func(*sim.EntraConfig)) *tenant {
	t.Helper()
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config := sim.EntraConfig{CA: ca, HTTPAddr: "127.0.0.1:0"}
	if change != nil {
		change(&config)
	}
	e, err := sim.NewEntra(config)
	if err == nil {
		err = e.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &tenant{Entra: e, ca: ca, log: new(safeLog)}
	n.app = n.register(t, sim.EntraApp{Secret: sim.NewSecret(secretWord), Public: true})
	return n
}

func (n *tenant) register(t *testing.T, app sim.EntraApp) sim.EntraApp {
	t.Helper()
	app, err := n.Register(app)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// transport trusts the tenant.
func (n *tenant) transport(t *testing.T) http.RoundTripper {
	t.Helper()
	transport, err := ccm.NewTransport(ccm.TransportConfig{TLS: &tls.Config{RootCAs: n.ca.Pool(), MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// config is for the application with the secret.
func (n *tenant) config(t *testing.T) entra.Config {
	t.Helper()
	return entra.Config{
		Type: entra.ClientCredentials, Tenant: n.Tenant(), ClientID: n.app.ClientID, SecretFile: private(t, secretWord+"\n"),
		Authority: n.URL("https"), Transport: n.transport(t), Logger: slog.New(slog.NewTextHandler(n.log, nil)),
	}
}

func source(t *testing.T, config entra.Config) *entra.Source {
	t.Helper()
	s, err := entra.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

// private is a file that nobody else may read.
func private(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "private")
	path := filepath.Join(dir, "file")
	if err := errors.Join(secretfile.MakeDirectory(dir), secretfile.Write(path, "", []byte(text))); err != nil {
		t.Fatal(err)
	}
	return path
}

func token(t *testing.T, s *entra.Source) ccm.Token {
	t.Helper()
	got, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// expect wants an error of a kind, with words in it, that may be shown.
func expect(t *testing.T, err, kind error, words string) {
	t.Helper()
	shown, ok := errors.AsType[*ccm.Error](err)
	if !ok || !errors.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want %v with %q", err, kind, words)
		return
	}
	if strings.Contains(shown.Error(), secretWord) || strings.Contains(shown.Error(), "eyJ") {
		t.Errorf("the error holds a secret: %v", err)
	}
}

// safeLog is a log that goroutines write to.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
