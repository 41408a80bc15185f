package sim

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func testAccount() Account {
	return Account{Domain: "CORP", Name: "PC1$", Password: NewSecret("canary-password")}
}

// newSecureDP has every kind of access: Windows at VdirPlain, a certificate at VdirNoCert, a token at VdirToken.
func newSecureDP(t *testing.T, tc TokensConfig) (*DP, *CA, *Tokens) {
	t.Helper()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := NewTokens(tc)
	if err != nil {
		t.Fatal(err)
	}
	d := newTestDP(t, DPConfig{
		HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", Names: []string{"dp.branch.test"}, CA: ca, Tokens: tokens,
		Accounts: []Account{testAccount(), {Domain: "CORP", Name: "other", Password: NewSecret("x")}},
		Access:   map[Vdir]Access{VdirPlain: AccessWindows, VdirNoCert: AccessCertificate, VdirToken: AccessToken},
	})
	return d, ca, tokens
}

func TestTokenDirectory(t *testing.T) {
	now := time.Now()
	d, ca, tokens := newSecureDP(t, TokensConfig{Header: "X-Dp-Token", Format: "CCM {token};v=1", ExpiredStatus: 403,
		Now: func() time.Time { return now }})
	good, old := tokens.Issue(time.Hour), tokens.Issue(-time.Second)
	target := "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/sub/Read%20Me.txt"
	c := newHTTPClient(t, ca)
	tests := []struct {
		name, scheme, value string
		status              int
	}{
		{"good", "https", "CCM " + good.Reveal() + ";v=1", 200},
		{"absent", "https", "", 401},
		{"unknown", "https", "CCM nonsense;v=1", 401},
		{"other format", "https", good.Reveal(), 401},
		{"expired", "https", "CCM " + old.Reveal() + ";v=1", 403},
		{"without TLS", "http", "CCM " + good.Reveal() + ";v=1", 403},
	}
	for _, tt := range tests {
		resp, body := mustRequest(t, c, "GET", d.URL(tt.scheme), target, "X-Dp-Token", tt.value)
		if resp.StatusCode != tt.status || tt.status == 200 && string(body) != "hello" {
			t.Errorf("%s: %d %q, want %d", tt.name, resp.StatusCode, body, tt.status)
		}
	}
	if tokens.Used() != 1 || tokens.Refused() != 2 {
		t.Errorf("used %d times, refused %d times", tokens.Used(), tokens.Refused())
	}
	tokens.RevokeAll()
	h := http.Header{}
	tokens.Present(h, good)
	if resp, _ := mustRequest(t, c, "GET", d.URL("https"), target, "X-Dp-Token", h.Get("X-Dp-Token")); resp.StatusCode != 401 {
		t.Errorf("revoked: %d", resp.StatusCode)
	}
	for _, e := range d.Log().Entries() {
		if e.User != "" || strings.Contains(fmt.Sprintf("%+v", e)+e.line(), good.Reveal()) {
			t.Errorf("the log shows who it was: %+v", e.User)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	d, ca, _ := newSecureDP(t, TokensConfig{})
	cert, err := ca.Issue("pc1.corp.example")
	if err != nil {
		t.Fatal(err)
	}
	target := "/NOCERT_SMS_DP_SMSPKG$/PS100015/sccm?/sub/Read%20Me.txt"
	for name, tt := range map[string]struct {
		certs  []tls.Certificate
		scheme string
		status int
	}{
		"with": {[]tls.Certificate{cert}, "https", 200}, "without": {nil, "https", 403}, "no TLS": {nil, "http", 403},
	} {
		if resp, body := mustRequest(t, newHTTPClient(t, ca, tt.certs...), "GET", d.URL(tt.scheme), target); resp.StatusCode != tt.status {
			t.Errorf("%s: %d %q, want %d", name, resp.StatusCode, body, tt.status)
		}
	}
}

// TestLoginIsBoundToItsConnection goes through the handshake by hand, on one connection, with net/http.
func TestLoginIsBoundToItsConnection(t *testing.T) {
	d, _, _ := newSecureDP(t, TokensConfig{})
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		c, stranger := newHTTPClient(t, nil), newHTTPClient(t, nil)
		resp, _ := mustRequest(t, c, "GET", d.URL("http"), setupTarget)
		if got := resp.Header.Values("WWW-Authenticate"); resp.StatusCode != 401 || strings.Join(got, ",") != "Negotiate,NTLM" {
			t.Fatalf("%d, %q", resp.StatusCode, got)
		}
		if got := handshake(t, c, d.URL("http"), scheme, testAccount()); got != 200 {
			t.Fatalf("%s: login gives %d", scheme, got)
		}
		if resp, _ := mustRequest(t, c, "GET", d.URL("http"), setupTarget, "Range", "bytes=0-9"); resp.StatusCode != 206 {
			t.Errorf("%s: the connection forgot its user: %d", scheme, resp.StatusCode)
		}
		if resp, _ := mustRequest(t, stranger, "GET", d.URL("http"), setupTarget); resp.StatusCode != 401 {
			t.Errorf("%s: another connection profits: %d", scheme, resp.StatusCode)
		}
		wrong := testAccount()
		wrong.Password = NewSecret("wrong")
		if got := handshake(t, stranger, d.URL("http"), scheme, wrong); got != 401 {
			t.Errorf("%s: wrong password gives %d", scheme, got)
		}
	}
	for _, c := range d.Connections() {
		if len(c.Users) > 1 || len(c.Users) == 1 && c.Users[0] != `CORP\PC1$` {
			t.Errorf("connection %d served %v", c.ID, c.Users)
		}
	}
}

func handshake(t *testing.T, c *http.Client, base, scheme string, a Account) int {
	t.Helper()
	hello := scheme + " " + base64.StdEncoding.EncodeToString(ntlmHello())
	resp, _ := mustRequest(t, c, "HEAD", base, setupTarget, "Authorization", hello)
	_, text, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	challenge, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := ntlmProve(a, challenge)
	if err != nil {
		t.Fatalf("challenge %x: %v", challenge, err)
	}
	resp, _ = mustRequest(t, c, "HEAD", base, setupTarget, "Authorization", scheme+" "+base64.StdEncoding.EncodeToString(proof))
	return resp.StatusCode
}

func TestAccessListOfAPackage(t *testing.T) {
	d, _, _ := newSecureDP(t, TokensConfig{})
	d.SetACL(testPackage, `corp\OTHER`)
	c := newHTTPClient(t, nil)
	if got := handshake(t, c, d.URL("http"), "NTLM", testAccount()); got != 401 {
		t.Errorf("an account that is not listed gets %d", got)
	}
	if got := handshake(t, c, d.URL("http"), "NTLM", Account{"CORP", "other", NewSecret("x")}); got != 200 {
		t.Errorf("the listed account gets %d", got)
	}
	d.SetACL(testPackage)
	if got := handshake(t, c, d.URL("http"), "NTLM", testAccount()); got != 200 {
		t.Errorf("without a list the account gets %d", got)
	}
}

func TestMD4(t *testing.T) {
	for in, want := range map[string]string{ // RFC 1320 section A.5
		"":                              "31d6cfe0d16ae931b73c59d7e0c089c0",
		"abc":                           "a448017aaf21d8525fc10ae87aa6729d",
		"abcdefghijklmnopqrstuvwxyz":    "d79e1c308aa5bbcdeea8ed63df412da9",
		strings.Repeat("1234567890", 8): "e33b4ddc9c38f2199c3e7b164fcc0536",
	} {
		if got := md4([]byte(in)); hex.EncodeToString(got[:]) != want {
			t.Errorf("md4(%q) = %x, want %s", in, got, want)
		}
	}
}

func FuzzNTLM(f *testing.F) {
	nonce := []byte("12345678")
	challenge := ntlmChallenge("CORP", nonce)
	proof, err := ntlmProve(testAccount(), challenge)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ntlmHello())
	f.Add(challenge)
	f.Add(proof)
	f.Fuzz(func(t *testing.T, m []byte) {
		_, _ = ntlmProve(testAccount(), m)
		if a, ok := ntlmVerify(m, nonce, []Account{testAccount()}); ok && a.Name != testAccount().Name {
			t.Errorf("proves %v", a)
		}
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	a := testAccount()
	hidden := struct{ inner Account }{a}
	text := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v", a, a, a, a.Password, a.Password, a.Password, a.Password, hidden, hidden, hidden)
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if text += string(data); strings.Contains(text, "canary") || strings.Contains(text, hex.EncodeToString([]byte("canary"))) {
		t.Errorf("printed: %s", text)
	}
}

func TestAccessListOnAnAnonymousDP(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	d.SetACL(testPackage, `CORP\PC1$`)
	c := newHTTPClient(t, nil)
	if resp, _ := mustRequest(t, c, "GET", d.URL("http"), setupTarget); resp.StatusCode != 401 {
		t.Errorf("a stranger gets %d", resp.StatusCode)
	}
	if got := handshake(t, c, d.URL("http"), "NTLM", testAccount()); got != 401 {
		t.Errorf("an account that the DP does not know gets %d", got)
	}
	if resp, _ := mustRequest(t, c, "GET", d.URL("http"), "/SMS_DP_SMSPKG$/"+testUpdate+"/kb.cab"); resp.StatusCode != 200 {
		t.Errorf("another content: %d", resp.StatusCode)
	}
}
