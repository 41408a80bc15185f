package sim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDirectories: what IIS lets through before a message is looked at.
func TestDirectories(t *testing.T) {
	m := newTestMP(t, nil)
	machine, err := m.machine(ADJoined, "PC1").WithPKI(m.ca)
	if err != nil {
		t.Fatal(err)
	}
	m.Join(machine.Account)
	good, old := m.ccm.Issue(time.Hour), m.ccm.Issue(-time.Second)
	nobody := Machine{Name: "PC1"}
	wrong := Machine{Name: "PC1", Account: machine.Account}
	wrong.Account.Password = NewSecret("wrong")
	token := func(text Secret) http.Header {
		h := http.Header{}
		m.ccm.Present(h, text)
		return h
	}
	for _, tt := range []struct {
		name, scheme, dir string
		machine           Machine
		header            http.Header
		status, required  int // without and with RequireCertificate
	}{
		{"plain", "http", "ccm_system", nobody, nil, 200, 403},
		{"plain in capitals", "http", "CCM_System", nobody, nil, 200, 403},
		{"plain over TLS", "https", "ccm_system", nobody, nil, 200, 403},
		{"plain with certificate", "https", "ccm_system", machine, nil, 200, 200},
		{"Windows, nobody", "http", "ccm_system_windowsauth", nobody, nil, 401, 403},
		{"Windows, account", "http", "CCM_SYSTEM_WINDOWSAUTH", machine, nil, 200, 403},
		{"Windows, wrong password", "http", "ccm_system_windowsauth", wrong, nil, 401, 403},
		{"Windows, certificate and account", "https", "ccm_system_windowsauth", machine, nil, 200, 200},
		{"alt", "http", "ccm_system_altauth", nobody, nil, 200, 200},
		{"alt over TLS", "https", "ccm_system_AltAuth", nobody, nil, 200, 200},
		{"token", "https", "ccm_system_tokenauth", nobody, token(good), 200, 200},
		{"token in another format", "https", "ccm_system_tokenauth", nobody, http.Header{"X-Ccm": {"Bearer " + good.Reveal()}}, 401, 401},
		{"no token", "https", "ccm_system_tokenauth", nobody, nil, 401, 401},
		{"old token", "https", "ccm_system_tokenauth", nobody, token(old), 401, 401},
		{"unknown token", "https", "ccm_system_tokenauth", nobody, token(NewSecret("x")), 401, 401},
		{"token without TLS", "http", "ccm_system_tokenauth", nobody, token(good), 403, 403},
		{"other directory", "http", "ccm_system_other", nobody, nil, 404, 404},
		{"token service that is not there", "http", "CCM_STS", nobody, nil, 404, 404},
	} {
		for _, required := range []bool{false, true} {
			m.change(func(s *MPSettings) { s.RequireCertificate = required })
			c := m.caller(tt.scheme, tt.machine)
			c.header = tt.header
			got := c.post(post{dir: tt.dir, endpoint: "MP_LocationManager", body: siteInformation})
			want := tt.status
			if required {
				want = tt.required
			}
			if got.status != want || want == 200 && !strings.HasPrefix(got.body, "<SiteInfoReply") {
				t.Errorf("%s, certificate required %v: %d %q, want %d", tt.name, required, got.status, got.body, want)
			}
			if want == 401 && strings.EqualFold(tt.dir, "ccm_system_windowsauth") != (len(got.header.Values("WWW-Authenticate")) == 2) {
				t.Errorf("%s: challenges %q", tt.name, got.header.Values("WWW-Authenticate"))
			}
		}
	}
}

// TestWordsOf403: a client tells a missing certificate by the status line.
func TestWordsOf403(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.RequireCertificate = true })
	c := newHTTPClient(t, m.ca)
	for target, scheme := range map[string]string{"/SMS_MP/.sms_aut?MPLIST": "https", "/ccm_system/": "https"} {
		resp, body := mustRequest(t, c, "GET", m.URL(scheme), target)
		if resp.Status != "403 Client certificate required" || !strings.Contains(string(body), "403.7") || int64(len(body)) != resp.ContentLength {
			t.Errorf("%s: %q %q", target, resp.Status, body)
		}
	}
	if resp, body := mustRequest(t, c, "GET", m.URL("http"), "/SMS_MP/.sms_aut?MPLIST"); resp.Status != "403 Forbidden" || !strings.Contains(string(body), "403.4") {
		t.Errorf("without TLS: %q %q", resp.Status, body)
	}
	if resp, _ := mustRequest(t, c, "GET", m.URL("http"), "/SMS_MP_AltAuth/.sms_aut?MPLIST"); resp.StatusCode != 200 {
		t.Errorf("the alternative directory: %d", resp.StatusCode)
	}
	e := m.Log().Entries()[0]
	if e.Status != 403 || e.Substatus != 7 || e.Bytes == 0 {
		t.Errorf("logged as %+v", e)
	}
}

// TestVerbsAndPaths: what is no message.
func TestVerbsAndPaths(t *testing.T) {
	m := newTestMP(t, nil)
	c := newHTTPClient(t, nil)
	for _, tt := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/ccm_system_altauth/", 403},
		{"GET", "/ccm_system/request", 405},
		{"POST", "/ccm_system/request", 405},
		{"CCM_POST", "/ccm_system/request", 200},
		{"CCM_POST", "/CCM_System/Request", 200},
		{"CCM_POST", "//ccm_system//request", 200},
		{"CCM_POST", "/ccm_system", 200},
		{"CCM_POST", "/ccm%5fsystem/re%71uest", 200},
		{"CCM_POST", "/ccm_system/other", 404},
		{"GET", "/ccm_system_windowsauth", 401},
		{"GET", "/", 404},
		{"GET", "/SMS_MP/.sms_pol?x", 404},
		{"GET", "/SMS_MP/", 403},
		{"POST", "/SMS_MP/.sms_aut?MPLIST", 405},
		{"GET", "/sms_mp/.SMS_AUT?mplist", 200},
		{"HEAD", "/SMS_MP/.sms_aut?MPLIST", 200},
		{"GET", "/SMS_MP_WindowsAuth/.sms_aut?MPLIST", 401},
		{"GET", "/SMS_MP_TokenAuth/.sms_aut?MPLIST", 403},
	} {
		if resp, _ := mustRequest(t, c, tt.method, m.URL("http"), tt.target); resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.target, resp.StatusCode, tt.status)
		}
	}
}

// TestConnector: the word of a gateway's connector about how a client authenticated.
func TestConnector(t *testing.T) {
	m := newTestMP(t, nil)
	machine, err := m.machine(Workgroup, "PC1").WithPKI(m.ca)
	if err != nil {
		t.Fatal(err)
	}
	direct := m.caller("https", machine)
	direct.mustRegister("ccm_system", "0/2")
	thumb := m.Clients()[0].Thumbprint
	if err := m.Reset("PC1"); err != nil {
		t.Fatal(err)
	}
	m.change(func(s *MPSettings) { s.RequireCertificate = true })
	for _, tt := range []struct{ name, dir, how, secret, want string }{
		{"its certificate", "ccm_system", "certificate:" + thumb, "", "0/2"},
		{"in capitals", "ccm_system", "certificate:" + strings.ToUpper(thumb), "", "0/2"},
		{"another certificate", "ccm_system", "certificate:00", "", "0/0"},
		{"a token", "ccm_system_tokenauth", "ccmtoken:device", "", "0/3"},
		{"a token where a certificate is wanted", "ccm_system", "ccmtoken:device", "", "403"},
		{"nothing", "ccm_system", "", "", "403"},
		{"nothing, for a token", "ccm_system_tokenauth", "", "", "401"},
		{"nothing, and nothing is wanted", "ccm_system_altauth", "", "", "0/0"},
		{"nonsense", "ccm_system", "friend", "", "403"},
		{"a stranger", "ccm_system", "certificate:" + thumb, "guess", "403"},
	} {
		c := m.caller("http", machine) // a connector is in the internal network
		c.header = http.Header{}
		m.Vouch(c.header, tt.how)
		if tt.secret != "" {
			c.header.Set("X-Sim-Connector", tt.secret)
		}
		if err := m.Reset("PC1"); err != nil {
			t.Fatal(err)
		}
		if got := c.introduce("Registration", tt.dir); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if e := m.Messages.Entries()[1]; e.Forwarded != "gateway certificate:"+thumb {
		t.Errorf("logged as %q", e.Forwarded)
	}
	closed := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.Connector = Secret{} })
	c := closed.caller("http", machine)
	c.header = http.Header{}
	closed.Vouch(c.header, "certificate:"+thumb)
	if got := c.introduce("Registration", "ccm_system"); got != "403" {
		t.Errorf("a management point without a connector believes it: %s", got)
	}
}

// TestTokenServiceIsMounted: the token service of a site is in its management point.
func TestTokenServiceIsMounted(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.TokenService = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(r.URL.Path))
		})
	})
	resp, body := mustRequest(t, newHTTPClient(t, m.ca), "GET", m.URL("https"), "/ccm_sts/x")
	if resp.StatusCode != http.StatusTeapot || string(body) != "/ccm_sts/x" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if got := m.Tally.Requests(MPRequest{Directory: "ccm_sts"}); got != 1 {
		t.Errorf("%d requests to it are counted", got)
	}
}
