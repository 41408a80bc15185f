package entra_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/entra"
	"branchpoint/tokenbroker/secretfile"
)

// withCode is a configuration for somebody who signs in. What there is to do comes through the channel.
func (n *tenant) withCode(t *testing.T) (entra.Config, chan entra.SignIn) {
	t.Helper()
	config := n.config(t)
	config.Type, config.SecretFile = entra.DeviceCode, ""
	told := make(chan entra.SignIn, 10)
	config.Report = func(s entra.SignIn) { told <- s }
	return config, told
}

// issued counts the tokens of a grant.
func (n *tenant) issued(grant string) int { return n.Tokens(sim.EntraToken{Grant: grant}) }

// signedIn is a source for which ann has signed in.
func (n *tenant) signedIn(t *testing.T, config entra.Config, told chan entra.SignIn) *entra.Source {
	t.Helper()
	s := source(t, config)
	code := asked(t, s, told).Code
	if err := n.Approve(code, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	entra.Settle(s)
	token(t, s)
	return s
}

// asked is what somebody has to do before there is a token.
func asked(t *testing.T, s *entra.Source, told chan entra.SignIn) entra.SignIn {
	t.Helper()
	_, err := s.Token(t.Context())
	what := <-told
	expect(t, err, entra.ErrSignIn, "enter the code "+what.Code)
	return what
}

func TestSignIn(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	s := source(t, config)
	if len(told) > 0 {
		t.Error("somebody has to do something before anybody wants a token")
	}
	_, err := s.Token(t.Context())
	asked := <-told
	expect(t, err, entra.ErrSignIn, "open "+n.URL("https")+"/device and enter the code "+asked.Code)
	if left := time.Until(asked.Until); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("the code is good for %v", left)
	}
	if _, err = s.Token(t.Context()); !errors.Is(err, entra.ErrSignIn) || len(n.Waiting()) != 1 {
		t.Errorf("asked again: %v, codes %q, want the same one", err, n.Waiting())
	}
	if err := n.Approve(asked.Code, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	entra.Settle(s)
	first := token(t, s)
	if len(told) > 0 {
		t.Error("somebody still has to do something")
	}
	s.Forget(first)
	second := token(t, s)
	if second.Reveal() == first.Reveal() || n.issued("device_code") != 1 || n.issued("refresh_token") != 1 {
		t.Errorf("after a refusal: the same token %v, %d sign-ins, %d renewals", second.Reveal() == first.Reveal(), n.issued("device_code"), n.issued("refresh_token"))
	}
	n.SignOut("ann@example.org")
	s.Forget(second)
	_, err = s.Token(t.Context())
	expect(t, err, entra.ErrSignIn, (<-told).Code)
}

// TestRenewalFails has Entra away when a token is to be renewed: nobody is asked to sign in for that.
func TestRenewalFails(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	s := n.signedIn(t, config, told)
	s.Forget(token(t, s))
	if _, err := n.Faults.Inject(sim.Fault{Kind: sim.FaultStatus, Status: 503}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Token(t.Context())
	expect(t, err, ccm.ErrServer, "HTTP 503")
	n.Faults.Clear()
	token(t, s)
	if len(told) > 0 {
		t.Error("somebody was asked to sign in")
	}
}

// TestLineIsAway loses Entra while somebody types the code.
func TestLineIsAway(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	s := entra.Hasty(source(t, config))
	if _, err := s.Token(t.Context()); !errors.Is(err, entra.ErrSignIn) {
		t.Fatal(err)
	}
	fault, err := n.Faults.Inject(sim.Fault{Kind: sim.FaultStatus, Status: 503})
	if err != nil {
		t.Fatal(err)
	}
	<-fault.Struck()
	if err := n.Approve((<-told).Code, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	fault.Lift()
	entra.Settle(s)
	token(t, s)
}

func TestDeclined(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	s := source(t, config)
	first := asked(t, s, told)
	if err := n.Decline(first.Code); err != nil {
		t.Fatal(err)
	}
	entra.Settle(s)
	if text := n.log.String(); !strings.Contains(text, "nobody signed in") || !strings.Contains(text, entra.ErrRefused.Error()) ||
		!strings.Contains(text, "authorization_declined, AADSTS70017") {
		t.Errorf("the log says %q", text)
	}
	if again := asked(t, s, told); again.Code == first.Code {
		t.Errorf("the code %s is shown once more", again.Code)
	}
}

func TestCodeEnds(t *testing.T) {
	n := newTenant(t, func(c *sim.EntraConfig) { c.CodeLife = time.Second })
	config, told := n.withCode(t)
	s := source(t, config)
	asked(t, s, told)
	entra.Settle(s)
	if text := n.log.String(); !strings.Contains(text, "nobody did before the code ended") {
		t.Errorf("the log says %q", text)
	}
}

func TestNoCode(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	config.ClientID = n.register(t, sim.EntraApp{}).ClientID // not one that people sign in with
	s := source(t, config)
	_, err := s.Token(t.Context())
	expect(t, err, entra.ErrRefused, "AADSTS7000218")
	if len(told) > 0 {
		t.Error("somebody is told to enter no code")
	}
}

// TestCodeOutlivesCaller: the code is good for whoever asks next, until the source is closed.
func TestCodeOutlivesCaller(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	s := source(t, config)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Token(ctx)
	first := <-told
	cancel()
	expect(t, err, entra.ErrSignIn, first.Code)
	_, err = s.Token(t.Context())
	expect(t, err, entra.ErrSignIn, first.Code)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := n.Approve(first.Code, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context()); err == nil || n.issued("device_code") != 0 {
		t.Errorf("the code is still waited for after Close: %v, %d sign-ins", err, n.issued("device_code"))
	}
}

// TestKept restarts the program: the sign-in is still good.
func TestKept(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	config.CacheFile = filepath.Join(t.TempDir(), "identity", "entra.cache")
	first := token(t, n.signedIn(t, config, told))
	text, err := os.ReadFile(config.CacheFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), first.Reveal()) || strings.Contains(string(text), `"AccessToken"`) {
		t.Error("an access token is in the file")
	}
	if _, err := secretfile.Read(config.CacheFile, "another purpose"); err != nil && os.PathSeparator == '/' {
		t.Errorf("others could read the file: %v", err)
	}
	after := source(t, config)
	if second := token(t, after); second.Reveal() == first.Reveal() || len(told) > 0 || n.issued("refresh_token") != 1 {
		t.Errorf("after a restart %d were asked to sign in, %d renewals", len(told), n.issued("refresh_token"))
	}
	if text := n.log.String(); text != "" {
		t.Errorf("the log says %q", text)
	}
}

// TestTwoProcesses has the command line sign in while the service waits for somebody.
func TestTwoProcesses(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	config.CacheFile = filepath.Join(t.TempDir(), "identity", "entra.cache")
	service := source(t, config)
	if _, err := service.Token(t.Context()); !errors.Is(err, entra.ErrSignIn) {
		t.Fatal(err)
	}
	<-told
	n.signedIn(t, config, told)
	token(t, service)
	if n.issued("refresh_token") != 1 {
		t.Errorf("%d renewals, want that of the service", n.issued("refresh_token"))
	}
}

func TestCacheFileIsOfNoUse(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"damaged": func(t *testing.T, path string) {
			if err := secretfile.Write(path, "Branchpoint sign-in", []byte("{")); err != nil {
				t.Fatal(err)
			}
		},
		"open to others": func(t *testing.T, path string) {
			if os.PathSeparator != '/' {
				t.Skip("modes are for Unix; access lists are tested in secretfile")
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newTenant(t, nil)
			config, told := n.withCode(t)
			config.CacheFile = filepath.Join(t.TempDir(), "identity", "entra.cache")
			n.signedIn(t, config, told)
			spoil(t, config.CacheFile)
			_, err := source(t, config).Token(t.Context())
			expect(t, err, entra.ErrSignIn, (<-told).Code)
			if text := n.log.String(); strings.Count(text, "cannot be used") != 1 {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// TestCacheFileCannotBeWritten goes on in memory.
func TestCacheFileCannotBeWritten(t *testing.T) {
	n := newTenant(t, nil)
	config, told := n.withCode(t)
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config.CacheFile = filepath.Join(blocked, "entra.cache")
	s := n.signedIn(t, config, told)
	s.Forget(token(t, s))
	token(t, s)
	if n.issued("refresh_token") != 1 {
		t.Errorf("%d renewals, want 1", n.issued("refresh_token"))
	}
	if text := n.log.String(); !strings.Contains(text, "cannot be kept") {
		t.Errorf("the log says %q", text)
	}
}
