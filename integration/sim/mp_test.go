package sim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// testMP is a management point on a clock of its own, with DPs and a cloud.
type testMP struct {
	*ManagementPoint
	t       testing.TB
	clock   *testClock
	ca      *CA
	library *Library
	tokens  *Tokens // of the DPs
	ccm     *Tokens
	cloud   *ContentService
	first   *DP // tokens, Windows authentication
	second  *DP // anonymous
	web     *http.Client
}

// newTestMP starts one for http and https. Sources are the two DPs and the cloud, unless the config has some.
func newTestMP(t testing.TB, change func(*testMP, *ManagementPointConfig)) *testMP {
	t.Helper()
	m := &testMP{t: t, clock: &testClock{now: time.Now()}, library: newSmallLibrary(t)}
	publish(t, m.library, testUpdate, FileSpec{Path: "kb1.cab", Size: 1000})
	var err error
	if m.ca, err = NewCA(); err != nil {
		t.Fatal(err)
	}
	m.web = newHTTPClient(t, m.ca)
	m.tokens, m.ccm = m.newTokens(TokensConfig{Header: "X-Dp"}), m.newTokens(TokensConfig{Header: "X-Ccm", Format: "CCM {token}"})
	m.makeServers()
	config := ManagementPointConfig{Name: "MP1", Host: "localhost", HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", CA: m.ca, Library: m.library,
		CCMTokens: m.ccm, Connector: NewSecret("canary-connector"),
		MPSettings: MPSettings{Now: m.clock.Now, Sources: []Source{{DP: m.first}, {DP: m.second}, {Cloud: m.cloud}, {Peer: "pc7"}}}}
	if change != nil {
		change(m, &config)
	}
	if m.ManagementPoint, err = NewManagementPoint(config); err != nil {
		t.Fatal(err)
	}
	startForTest(t, m.origin)
	return m
}

func (m *testMP) newTokens(c TokensConfig) *Tokens {
	c.Now = m.clock.Now
	tokens, err := NewTokens(c)
	if err != nil {
		m.t.Fatal(err)
	}
	return tokens
}

func (m *testMP) makeServers() {
	m.first = newTestDP(m.t, DPConfig{Name: "DP1", Library: m.library, HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", CA: m.ca, Tokens: m.tokens,
		Accounts: []Account{testAccount()}, Access: map[Vdir]Access{VdirPlain: AccessWindows, VdirToken: AccessToken}})
	m.second = newTestDP(m.t, DPConfig{Name: "DP2", Library: m.library})
	storage := newTestStorage(m.t, StorageConfig{Library: m.library, CA: m.ca, Now: m.clock.Now})
	var err error
	m.cloud, err = NewContentService(ContentServiceConfig{Name: "cloud", Host: "localhost", CA: m.ca, Storage: storage, Now: m.clock.Now,
		Tokens: m.newTokens(TokensConfig{Header: "X-Cloud"})})
	if err != nil {
		m.t.Fatal(err)
	}
	startForTest(m.t, m.cloud.origin)
}

func startForTest(t testing.TB, o *origin) {
	t.Helper()
	if err := o.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (m *testMP) change(change func(*MPSettings)) {
	m.t.Helper()
	if err := m.Change(change); err != nil {
		m.t.Fatal(err)
	}
}

func (m *testMP) machine(kind MachineKind, name string) Machine {
	m.t.Helper()
	machine, err := NewMachine(kind, name)
	if err != nil {
		m.t.Fatal(err)
	}
	return machine
}

// approvedCaller is a workgroup machine that an administrator has approved.
func (m *testMP) approvedCaller(name string) *caller {
	m.t.Helper()
	c := m.caller("http", m.machine(Workgroup, name))
	c.mustRegister("ccm_system", "0/0")
	if err := m.Approve(c.smsid); err != nil {
		m.t.Fatal(err)
	}
	return c
}

// refusal is why the last message was answered with nothing, "" when it was answered.
func (m *testMP) refusal() string {
	list := m.Messages.Entries()
	return list[len(list)-1].Refused
}

const siteInformation = `<SiteInformationRequest SchemaVersion="1.00"><SiteCode Name="PS1"/></SiteInformationRequest>`

func TestSiteInformation(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation})
	n, err := readXML(got.body)
	if err != nil {
		t.Fatalf("%q: %v", got.body, err)
	}
	site := n.at("Sites", "Site")
	security := site.at("Settings", "ClientOperationalSettings", "SecurityConfiguration")
	if n.name != "SiteInfoReply" || site.value("SiteCode") != "PS1" || site.value("DefaultMP") != "localhost" ||
		!strings.HasSuffix(m.URL("http"), ":"+security.value("HTTPPort")) || !strings.HasSuffix(m.URL("https"), ":"+security.value("HTTPSPort")) ||
		!strings.HasPrefix(security.value("SiteSigningCert"), "308") {
		t.Errorf("site information %s", got.body)
	}
	other := c.post(post{endpoint: "MP_LocationManager", body: strings.Replace(siteInformation, "PS1", "XYZ", 1)})
	if n, err := readXML(other.body); err != nil || n.at("Sites", "Site") != nil {
		t.Errorf("another site: %s, %v", other.body, err)
	}
	for name, p := range map[string]post{
		"no such endpoint": {endpoint: "MP_Nothing", body: siteInformation},
		"no such root":     {endpoint: "MP_LocationManager", body: "<WSUSLocationRequest/>"},
		"token manager":    {endpoint: "MP_TokenManager", body: "<TokenRequest/>"},
		"token services":   {endpoint: "MP_LocationManager", body: "<TokenServicesRequest/>"},
		"unsigned report":  {endpoint: "MP_DdrEndpoint", body: "<Report/>", replyMode: "ASync"},
	} {
		if got := c.post(p); !got.refusedSilently() || m.refusal() == "" {
			t.Errorf("%s: %d %q", name, got.status, got.body)
		}
	}
}

func TestReports(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	got := c.post(post{endpoint: "MP_DdrEndpoint", body: "<Report/>", replyMode: "ASync", signed: true})
	if got.status != http.StatusOK || got.parts != 1 || !strings.Contains(got.envelope, "{5DD100CD-DF1D-45F5-BA17-A327F43465F8}") {
		t.Errorf("a report is answered with %d, %d parts, %s", got.status, got.parts, got.envelope)
	}
	if got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation, replyMode: "ASync"}); got.parts != 1 {
		t.Errorf("a message that waits for no reply gets %d parts", got.parts)
	}
}

func TestNewManagementPointRefuses(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	good := ManagementPointConfig{Name: "MP1", Library: NewLibrary(), CA: ca}
	if _, err := NewManagementPoint(good); err != nil {
		t.Errorf("the least that is needed: %v", err)
	}
	for name, change := range map[string]func(*ManagementPointConfig){
		"no name":       func(c *ManagementPointConfig) { c.Name = "" },
		"no library":    func(c *ManagementPointConfig) { c.Library = nil },
		"no CA":         func(c *ManagementPointConfig) { c.CA = nil },
		"site code":     func(c *ManagementPointConfig) { c.SiteCode = "A-B" },
		"everywhere":    func(c *ManagementPointConfig) { c.HTTPAddr = "0.0.0.0:0" },
		"skew":          func(c *ManagementPointConfig) { c.Skew = -1 },
		"wait":          func(c *ManagementPointConfig) { c.NotReady.Messages = -1 },
		"anonymous":     func(c *ManagementPointConfig) { c.Anonymous = 9 },
		"directory":     func(c *ManagementPointConfig) { c.RequireAuthenticator = []string{"sms_mp"} },
		"no directory":  func(c *ManagementPointConfig) { c.RequireAuthenticator = []string{"ccm_other"} },
		"empty source":  func(c *ManagementPointConfig) { c.Sources = []Source{{}} },
		"two in one":    func(c *ManagementPointConfig) { c.Sources = []Source{{Peer: "a", DP: &DP{}}} },
		"peer":          func(c *ManagementPointConfig) { c.Sources = []Source{{Peer: "a:1"}} },
		"source's vdir": func(c *ManagementPointConfig) { c.Sources = []Source{{DP: &DP{}, Directories: []Vdir{9}}} },
		"header": func(c *ManagementPointConfig) {
			c.Sources = []Source{{Cloud: &ContentService{config: ContentServiceConfig{SignatureHeader: "X"}}}}
		},
		"delivery":     func(c *ManagementPointConfig) { c.Delivery.Form = 9 },
		"place":        func(c *ManagementPointConfig) { c.Delivery.Place = 9 },
		"encoding":     func(c *ManagementPointConfig) { c.Delivery.Encoding = 9 },
		"life":         func(c *ManagementPointConfig) { c.Delivery.Life = -1 },
		"token name":   func(c *ManagementPointConfig) { c.Delivery.Name = "a b" },
		"expiry name":  func(c *ManagementPointConfig) { c.Delivery.ExpiryName = "1" },
		"parts":        func(c *ManagementPointConfig) { c.Reply.Parts = 4 },
		"compression":  func(c *ManagementPointConfig) { c.Reply.Compression = "brotli" },
		"bad boundary": func(c *ManagementPointConfig) { c.Reply.Boundary = "a b\n" },
	} {
		c := good
		change(&c)
		if _, err := NewManagementPoint(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNamesOfDeliveries(t *testing.T) {
	for i, name := range deliveryNames() {
		var f DeliveryForm
		if err := f.UnmarshalText([]byte(name)); err != nil || f != DeliveryForm(i) {
			t.Errorf("%q is %d, %v", name, f, err)
		}
	}
	for i, name := range encodingNames() {
		var e TokenEncoding
		if err := e.UnmarshalText([]byte(name)); err != nil || e != TokenEncoding(i) {
			t.Errorf("%q is %d, %v", name, e, err)
		}
	}
	if new(DeliveryForm).UnmarshalText([]byte("x")) == nil || new(TokenEncoding).UnmarshalText([]byte("x")) == nil {
		t.Error("nonsense is a delivery or an encoding")
	}
}
