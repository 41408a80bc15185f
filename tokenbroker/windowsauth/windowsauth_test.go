package windowsauth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/secretfile"
	"branchpoint/tokenbroker/windowsauth"
)

// TestRegister registers a computer of the domain, which the site approves at once because of its account, and a user, whom
// it lets in.
func TestRegister(t *testing.T) {
	for _, test := range []struct {
		name, scheme, domain, account, user string
		want                                ccm.State
	}{
		{"over http", "http", "CORP", "PC1$", `CORP\PC1$`, ccm.StateRegistered},
		{"over https", "https", "CORP", "PC1$", `CORP\PC1$`, ccm.StateRegistered},
		{"in other letters", "http", "CORP", "PC1$", `corp\pc1$`, ccm.StateRegistered},
		{"by the principal name", "http", "", "ann@corp.example.org", "ann@corp.example.org", ccm.StatePendingApproval},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, account(test.domain, test.account, "Pässw0rd "))
			client := s.client(t, test.scheme, s.login(t, test.scheme, test.user, line(t, "Pässw0rd "), nil))
			answer, err := client.Register(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if answer.SMSID == "" || answer.State() != test.want {
				t.Errorf("the site answered %+v", answer)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "right"))
	for name, test := range map[string]struct{ user, password string }{
		"wrong password": {`CORP\PC1$`, "wrong"},
		"nobody":         {`CORP\PC2$`, "right"},
		"another domain": {`OTHER\PC1$`, "right"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			client := s.client(t, "http", s.login(t, "http", test.user, line(t, test.password), &log))
			_, err := client.SiteInformation(t.Context())
			if !errors.Is(err, ccm.ErrLogin) || !strings.Contains(err.Error(), "the server refused the account") {
				t.Errorf("SiteInformation = %v, want ErrLogin", err)
			}
			if text := log.String(); !strings.Contains(text, "refused") || strings.Contains(text, test.password) {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// TestOneConnectionOneAccount sends messages of two accounts at once, from one transport: no connection serves both.
func TestOneConnectionOneAccount(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "one"), account("CORP", "PC2$", "two"))
	base := s.base(t)
	var wg sync.WaitGroup
	for user, password := range map[string]string{`CORP\PC1$`: "one", `CORP\PC2$`: "two"} {
		login, err := windowsauth.New(windowsauth.Config{URL: s.URL("https"), User: user, PasswordFile: line(t, password), Transport: base})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(login.CloseIdleConnections)
		client := s.client(t, "https", login)
		for range 6 {
			wg.Go(func() {
				for range 3 {
					if _, err := client.SiteInformation(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	anonymous := s.client(t, "https", base)
	if _, err := anonymous.SiteInformation(t.Context()); !errors.Is(err, ccm.ErrWindowsRequired) {
		t.Errorf("the transport that was copied gets in without an account: %v", err)
	}
	base.CloseIdleConnections()
	served := map[string]int{}
	for _, c := range s.Connections() {
		if len(c.Users) > 1 {
			t.Errorf("connection %d served %q", c.ID, c.Users)
		}
		for _, user := range c.Users {
			served[user]++
		}
	}
	if len(served) != 2 {
		t.Errorf("served were %v, want both accounts", served)
	}
}

// TestConnectionIsKept sends messages one after another: the login is done once.
func TestConnectionIsKept(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "secret"))
	password := line(t, "secret")
	login := s.login(t, "http", `CORP\PC1$`, password, nil)
	client := s.client(t, "http", login)
	ask := func() {
		t.Helper()
		if _, err := client.SiteInformation(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for range 4 {
		ask()
	}
	if list := s.Connections(); len(list) != 1 || list[0].Requests != 3+3 {
		t.Errorf("connections %+v, want one with a login of 3 requests and 3 more", list)
	}
	// A restart of the server ends the connection. The client notices, and logs in anew.
	s.Kill()
	if _, err := client.SiteInformation(t.Context()); !errors.Is(err, ccm.ErrUnreachable) {
		t.Errorf("of a server that is away: %v", err)
	}
	if err := s.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask()
	// The password is read anew for the next login.
	if err := secretfile.Write(password, "", []byte("changed")); err != nil {
		t.Fatal(err)
	}
	ask()
	login.CloseIdleConnections()
	if _, err := client.SiteInformation(t.Context()); !errors.Is(err, ccm.ErrLogin) {
		t.Errorf("with the password that the file has now: %v", err)
	}
}

func TestPasswordFileIsGone(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "secret"))
	password := line(t, "secret")
	var log bytes.Buffer
	client := s.client(t, "http", s.login(t, "http", `CORP\PC1$`, password, &log))
	if err := secretfile.Write(password, "", nil); err != nil {
		t.Fatal(err)
	}
	_, err := client.SiteInformation(t.Context())
	if !errors.Is(err, ccm.ErrLogin) || !strings.Contains(err.Error(), "reading the password") {
		t.Errorf("with an empty password: %v, want ErrLogin with the reason", err)
	}
	if !strings.Contains(log.String(), "does not hold one line of text") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestOtherServers(t *testing.T) {
	s, other := newSite(t, account("CORP", "PC1$", "secret")), newSite(t, account("CORP", "PC1$", "secret"))
	login := s.login(t, "http", `CORP\PC1$`, line(t, "secret"), nil)
	for _, target := range []string{other.URL("http"), s.URL("https"), "http://localhost:" + s.Address("http")[len("127.0.0.1:"):]} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target+"/ccm_system_windowsauth/request", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := login.RoundTrip(request); err == nil {
			_ = resp.Body.Close()
			t.Errorf("a request to %s is sent", target)
		}
	}
	if list := other.Connections(); len(list) > 0 {
		t.Errorf("the other server was asked: %+v", list)
	}
}

func TestCancelled(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "secret"))
	client := s.client(t, "http", s.login(t, "http", `CORP\PC1$`, line(t, "secret"), nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.SiteInformation(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("SiteInformation = %v", err)
	}
}

func TestConfig(t *testing.T) {
	base, file := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}, line(t, "secret")
	good := windowsauth.Config{URL: "http://mp.example.org", User: `CORP\PC1$`, PasswordFile: file, Transport: base}
	if _, err := windowsauth.New(good); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*windowsauth.Config)
		want   string
	}{
		{"no server", func(c *windowsauth.Config) { c.URL = "" }, "http or https URL"},
		{"another scheme", func(c *windowsauth.Config) { c.URL = "ftp://mp.example.org" }, "http or https URL"},
		{"no transport", func(c *windowsauth.Config) { c.Transport = nil }, "transport is missing"},
		{"a password alone", func(c *windowsauth.Config) { c.User = "" }, "no user"},
		{"a name alone", func(c *windowsauth.Config) { c.User = "PC1$" }, `DOMAIN\name`},
		{"no name", func(c *windowsauth.Config) { c.User = `CORP\` }, `DOMAIN\name`},
		{"no domain", func(c *windowsauth.Config) { c.User = "@corp" }, `DOMAIN\name`},
		{"two domains", func(c *windowsauth.Config) { c.User = `A\B\C` }, `DOMAIN\name`},
		{"no password file", func(c *windowsauth.Config) { c.PasswordFile = "" }, "reading the password"},
		{"a password that is not there", func(c *windowsauth.Config) { c.PasswordFile += ".none" }, "reading the password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			if _, err := windowsauth.New(config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want %q", err, test.want)
			}
		})
	}
	if base.MaxConnsPerHost != 0 || base.Protocols != nil {
		t.Error("the transport that was given has been changed")
	}
}

// TestNothingIsPrinted: the password is in no value.
func TestNothingIsPrinted(t *testing.T) {
	s := newSite(t, account("CORP", "PC1$", "s3cret-word"))
	login := s.login(t, "http", `CORP\PC1$`, line(t, "s3cret-word"), nil)
	if _, err := s.client(t, "http", login).SiteInformation(t.Context()); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL("http")+"/ccm_system_windowsauth/request", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := login.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	var text []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text = append(text, fmt.Sprintf(verb, login), fmt.Sprintf(verb, *resp), fmt.Sprintf(verb, resp.Request.Header))
	}
	for _, secret := range []string{"s3cret-word", "TlRMTVNTUAAD"} { // the password, and how each proof of it begins in Base64
		if slices.ContainsFunc(text, func(t string) bool { return strings.Contains(t, secret) }) {
			t.Errorf("%q is printed", secret)
		}
	}
}
