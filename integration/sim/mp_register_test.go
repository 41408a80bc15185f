package sim

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// TestWhoMayRegisterHow: each kind of machine, at each directory, with what it has.
func TestWhoMayRegisterHow(t *testing.T) {
	m := newTestMP(t, nil)
	for _, kind := range []MachineKind{Workgroup, ADJoined, EntraJoined, Hybrid} {
		machine := m.machine(kind, kind.String())
		if machine.Account.Name != "" {
			m.Join(machine.Account)
		}
		hasAccount, hasDevice := kind == ADJoined || kind == Hybrid, kind == EntraJoined || kind == Hybrid
		if (machine.Account.Name != "") != hasAccount || (machine.DeviceID != "") != hasDevice {
			t.Errorf("%v: account %v, device %q", kind, machine.Account, machine.DeviceID)
		}
		secure, plain := m.caller("https", machine), m.caller("http", machine)
		for dir, want := range map[string]string{
			"ccm_system":             "0/0",
			"ccm_system_altauth":     "0/0",
			"ccm_system_windowsauth": given(hasAccount, "0/1", "401"),
			"ccm_system_tokenauth":   given(hasDevice, "0/3", "401"),
		} {
			for scheme, c := range map[string]*caller{"http": plain, "https": secure} {
				if err := m.forget(machine); err != nil {
					t.Fatal(err)
				}
				c.header = nil
				if hasDevice && dir == "ccm_system_tokenauth" {
					c.header = map[string][]string{}
					m.ccm.Present(c.header, m.ccm.Issue(time.Hour))
				}
				want := want
				if dir == "ccm_system_tokenauth" && scheme == "http" {
					want = "403" // a token goes over TLS only
				}
				if got := c.introduce("Registration", dir); got != want {
					t.Errorf("%v at %s over %s: %s, want %s", kind, dir, scheme, got, want)
				}
			}
		}
	}
}

func given(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// forget lets a machine register as if it never had.
func (m *testMP) forget(machine Machine) error {
	cert, err := x509.ParseCertificate(machine.SelfSigned.Certificate[0])
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.registry.byCert[thumbprint(cert)]; c != nil {
		delete(m.registry.byCert, c.Thumbprint)
		delete(m.registry.byID, c.SMSID)
	}
	return nil
}

// TestRegistrationWithPKI: an issued certificate counts where TLS has proved it.
func TestRegistrationWithPKI(t *testing.T) {
	m := newTestMP(t, nil)
	machine, err := m.machine(Workgroup, "PC1").WithPKI(m.ca)
	if err != nil {
		t.Fatal(err)
	}
	plain := m.caller("http", machine)
	plain.mustRegister("ccm_system", "0/0")
	secure := m.caller("https", machine)
	secure.mustRegister("ccm_system", "0/2")
	if plain.smsid != secure.smsid || len(m.Clients()) != 1 {
		t.Errorf("one certificate has the ids %s and %s", plain.smsid, secure.smsid)
	}
	plain.mustRegister("ccm_system", "0/2") // an approval is not taken back
	got := m.Clients()[0]
	if got.Name != "PC1" || got.KeyType != 2 || got.Approval != ApprovalNotApplicable || got.Directory != "ccm_system" {
		t.Errorf("it is known as %+v", got)
	}

	stranger, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := m.machine(Workgroup, "PC2").WithPKI(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.caller("http", foreign).introduce("Registration", "ccm_system"); got != "refused" || !strings.Contains(m.refusal(), "trust") {
		t.Errorf("a certificate of another CA: %s, %s", got, m.refusal())
	}
	if got, err := m.caller("https", foreign).try(post{endpoint: "MP_LocationManager", body: siteInformation}); err == nil {
		t.Errorf("TLS with a certificate of another CA: %d", got.status)
	}
	two := m.caller("https", machine)
	two.cert, two.keyType = m.machine(Workgroup, "PC3").SelfSigned, 1
	two.mustRegister("ccm_system", "0/0") // shows one certificate, and registers another
}

// TestApprovalByHand is the life of a machine of a workgroup.
func TestApprovalByHand(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", m.machine(Workgroup, "PC1"))
	signed := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true}
	c.mustRegister("ccm_system", "0/0")
	id := c.smsid
	expect := func(step, told, reason string) {
		t.Helper()
		if got := c.introduce("Confirmation", "ccm_system"); got != told {
			t.Errorf("%s: confirmation says %s, want %s", step, got, told)
		}
		c.smsid = id
		if got := c.post(signed); got.refusedSilently() != (reason != "") || !strings.Contains(m.refusal(), reason) {
			t.Errorf("%s: %d %q, refused: %q, want %q", step, got.status, got.body, m.refusal(), reason)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect("registered", "0/0", "not approved")
	must(m.Approve(id))
	expect("approved", "0/1", "")
	must(m.Block("pc1"))
	expect("blocked", "3/1", "blocked")
	c.mustRegister("ccm_system", "3/1")
	must(m.Unblock(strings.ToLower(id)))
	expect("unblocked", "0/1", "")
	must(m.Reset("PC1"))
	expect("reset", "2/0", "reset")
	c.mustRegister("ccm_system", "0/0")
	if c.smsid != id {
		t.Errorf("the same certificate gets %s, and had %s", c.smsid, id)
	}
	expect("registered again", "0/0", "not approved")
	m.change(func(s *MPSettings) { s.AutoApprove = true })
	c.mustRegister("ccm_system", "0/1")
	expect("approved by the site", "0/1", "")
	for _, err := range []error{m.Approve("PC9"), m.Block(""), m.Reset("GUID:" + newGUID()), m.Unblock("x")} {
		if err == nil {
			t.Error("a machine that nobody knows was changed")
		}
	}
}

// TestNotReady: the registration reaches the database of the site after a while.
func TestNotReady(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.NotReady, c.AutoApprove = NotReady{For: 30 * time.Second, Messages: 2}, true
	})
	c := m.caller("http", m.machine(Workgroup, "PC1"))
	c.mustRegister("ccm_system", "1/1")
	signed := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true}
	id := c.smsid
	m.clock.advance(time.Minute)
	if got := c.introduce("Confirmation", "ccm_system"); got != "refused" {
		t.Errorf("the first question is answered with %s", got)
	}
	if c.smsid = id; !c.post(signed).refusedSilently() || !strings.Contains(m.refusal(), "not reached") {
		t.Errorf("the second message is answered: %s", m.refusal())
	}
	if got := c.post(signed); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("the third message is refused: %s", m.refusal())
	}
	if got := c.introduce("Confirmation", "ccm_system"); got != "0/1" {
		t.Errorf("the fourth is answered with %s", got)
	}
	m.change(func(s *MPSettings) { s.NotReady.Messages = 0 })
	other := m.caller("http", m.machine(Workgroup, "PC2"))
	other.mustRegister("ccm_system", "1/1")
	if got := other.post(signed); !got.refusedSilently() {
		t.Errorf("at once it is answered with %q", got.body)
	}
	m.clock.advance(30 * time.Second)
	if got := other.post(signed); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("after 30 seconds it is refused: %s", m.refusal())
	}
	other.mustRegister("ccm_system", "0/1") // again, and it is known
}

// TestRegistrationRefuses: what is wrong with a registration.
func TestRegistrationRefuses(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", m.machine(Workgroup, "PC1"))
	c.mustRegister("ccm_system", "0/0")
	other := m.caller("http", m.machine(Workgroup, "PC2"))
	other.smsid = c.smsid
	replace := func(old, new string) func(string) string {
		return func(data string) string { return strings.Replace(data, old, new, 1) }
	}
	body := c.introduction("Registration", nil)
	stale := *c
	stale.now = func() time.Time { return m.clock.Now().Add(-6 * time.Minute) }
	liar := *c
	liar.keyType = 2
	unknown := *c
	unknown.keyType = 0
	for name, tt := range map[string]struct{ body, reason string }{
		"blank added to Data":    {c.introduction("Registration", replace(" SMSID", "  SMSID")), "SignatureValue"},
		"Data changed":           {c.introduction("Registration", replace("PC1", "PC3")), "SignatureValue"},
		"no signature":           {body[:strings.Index(body, "<Signature>")] + "</ClientRegistrationRequest>", "SignatureValue"},
		"of another root":        {strings.ReplaceAll(body, "ClientRegistrationRequest", "Other"), "no ClientRegistrationRequest"},
		"no Data":                {"<ClientRegistrationRequest/>", "no ClientRegistrationRequest"},
		"no certificate":         {c.introduction("Registration", replace("Signing", "Singing")), "end"},
		"not hexadecimal":        {c.introduction("Registration", replace(">30", ">xy")), "HexBinary"},
		"base64":                 {c.introduction("Registration", replace("HexBinary", "Base64")), "HexBinary"},
		"no certificate at all":  {c.introduction("Registration", replace(">30", ">31")), "certificate"},
		"stale":                  {stale.introduction("Registration", nil), "clocks"},
		"self-signed as issued":  {liar.introduction("Registration", nil), "trust"},
		"KeyType 0":              {unknown.introduction("Registration", nil), "KeyType"},
		"other request":          {c.introduction("Removal", nil), "RequestType"},
		"confirmed by another":   {other.introduction("Confirmation", nil), "another certificate"},
		"confirmed with no id":   {(&caller{t: t, name: "PC1", cert: c.cert, keyType: 1, now: c.now}).introduction("Confirmation", nil), "nobody"},
		"its hash is not known":  {c.introduction("Registration", replace("1.2.840.113549.1.1.11", "1.2.3")), "SignatureValue"},
		"two kinds of key types": {c.introduction("Registration", replace(`KeyType="1"`, `KeyType="2"`)), "KeyType"},
	} {
		got := c.post(post{endpoint: "MP_ClientRegistration", body: tt.body})
		if !got.refusedSilently() || !strings.Contains(m.refusal(), tt.reason) {
			t.Errorf("%s: %d %q, refused: %q, want %q", name, got.status, got.body, m.refusal(), tt.reason)
		}
	}
	good := c.introduction("Confirmation", nil)
	if got := c.post(post{endpoint: "MP_ClientRegistration", body: good, signed: true}); !strings.Contains(got.body, `Status="0"`) {
		t.Errorf("a confirmation that is signed as a message: %q, %s", got.body, m.refusal())
	}
	if got := c.post(post{endpoint: "MP_ClientRegistration", body: good, signed: true, wire: func(w *wire) { w.reversed = false }}); !got.refusedSilently() {
		t.Errorf("a confirmation that is signed wrong: %q", got.body)
	}
	if len(m.Clients()) != 1 {
		t.Errorf("%d machines are registered", len(m.Clients()))
	}
}

// TestUserIsNoComputer: the account of a person logs in, and approves nothing.
func TestUserIsNoComputer(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.Accounts = []Account{{Domain: "CORP", Name: "jane", Password: NewSecret("canary-password")}}
	})
	c := m.caller("http", m.machine(Workgroup, "PC1"))
	c.account = &m.config.Accounts[0]
	c.mustRegister("ccm_system_windowsauth", "0/0")
	if e := m.Messages.Entries(); e[len(e)-1].Account != `CORP\jane` {
		t.Errorf("logged as %q", e[len(e)-1].Account)
	}
}

func TestNewMachineRefuses(t *testing.T) {
	for name, kind := range map[string]MachineKind{"": Workgroup, "a.b": Workgroup, "ABCDEFGHIJKLMNOP": ADJoined, "PC1": 9} {
		if m, err := NewMachine(kind, name); err == nil {
			t.Errorf("%q of kind %v is a machine: %v", name, kind, m.Name)
		}
	}
}
