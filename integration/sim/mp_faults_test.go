package sim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func (m *testMP) inject(t *testing.T, f Fault) *Injected {
	t.Helper()
	in, err := m.Faults.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestMessageFaults: each fault, in turn with an answer that is right.
func TestMessageFaults(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	p := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true}
	failed := func(got received, err error) bool { return err != nil }
	status := func(want string) func(received, error) bool {
		return func(got received, err error) bool { return err == nil && fmt.Sprint(got.status) == want }
	}
	for name, tt := range map[string]struct {
		fault Fault
		want  func(received, error) bool
	}{
		"empty": {Fault{Kind: FaultEmpty}, func(got received, err error) bool { return err == nil && got.refusedSilently() }},
		"clock": {Fault{Kind: FaultClock}, func(got received, err error) bool { return err == nil && got.refusedSilently() }},
		"clock behind": {Fault{Kind: FaultClock, Delta: -86400}, func(got received, err error) bool {
			date, _ := http.ParseTime(got.header.Get("Date"))
			return err == nil && got.refusedSilently() && m.clock.Now().Sub(date) > 23*time.Hour
		}},
		"500": {Fault{Kind: FaultStatus, Status: 500}, status("500")},
		"redirect": {Fault{Kind: FaultRedirect, To: "https://elsewhere.example/"}, func(got received, err error) bool {
			return err == nil && got.status == 302 && got.header.Get("Location") == "https://elsewhere.example/"
		}},
		"403.7": {Fault{Kind: FaultStatus, Status: 403, Substatus: 7, Reason: "Client certificate required"}, status("403")},
		"reset": {Fault{Kind: FaultReset, After: 10}, failed},
		"cut":   {Fault{Kind: FaultShortBody, After: 10}, failed},
		"corrupt": {Fault{Kind: FaultCorrupt, After: 300}, func(got received, err error) bool {
			return err != nil || got.body == "" || !strings.Contains(got.envelope, "5DD100CD")
		}},
		"garbage": {Fault{Kind: FaultGarbage}, func(got received, err error) bool { _, bad := readXML(got.body); return err == nil && bad != nil }},
		"DTD": {Fault{Kind: FaultDTD}, func(got received, err error) bool {
			return err == nil && strings.HasPrefix(got.body, "<!DOCTYPE") && strings.Contains(got.body, "<SiteInfoReply")
		}},
		"bomb": {Fault{Kind: FaultBomb, Delta: 1 << 20}, func(got received, err error) bool {
			return err != nil && strings.Contains(err.Error(), "1048576") // it is not terminated
		}},
		"slow":  {Fault{Kind: FaultDrip, Rate: 100_000}, func(got received, err error) bool { return err == nil && strings.HasPrefix(got.body, "<SiteInfoReply") }},
		"close": {Fault{Kind: FaultClose}, func(got received, err error) bool { return err == nil && got.closes }},
	} {
		tt.fault.Count = 1
		in := m.inject(t, tt.fault)
		got, err := c.try(p)
		if !tt.want(got, err) || in.Strikes() != 1 {
			t.Errorf("%s: %v %q, %v, %d strikes", name, got.status, got.body, err, in.Strikes())
		}
		if got := c.post(p); !strings.HasPrefix(got.body, "<SiteInfoReply") {
			t.Errorf("after %s: %d %q", name, got.status, got.body)
		}
	}
}

// TestFaultsOfOneMessage: a fault may be about one endpoint or one kind of message.
func TestFaultsOfOneMessage(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	byRoot := m.inject(t, Fault{Kind: FaultEmpty, Message: "ContentLocationRequest"})
	byEndpoint := m.inject(t, Fault{Kind: FaultStatus, Message: "MP_ClientRegistration"})
	m.inject(t, Fault{Kind: FaultStatus, Status: 500, Match: "/sms_mp/"})
	if got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation}); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("a message that no fault is about: %d", got.status)
	}
	if got := c.post(post{endpoint: "MP_LocationManager", body: question(testPackage)}); !got.refusedSilently() {
		t.Errorf("the message of one fault: %d", got.status)
	}
	id := c.smsid
	if got := c.introduce("Confirmation", "ccm_system"); got != "503" || byRoot.Strikes() != 1 || byEndpoint.Strikes() != 1 {
		t.Errorf("the endpoint of one fault: %s", got)
	}
	if c.smsid = id; m.Tally.Requests(MPRequest{Endpoint: "MP_LocationManager"}) != 1 {
		t.Errorf("%d messages were answered", m.Tally.Requests(MPRequest{Endpoint: "MP_LocationManager"}))
	}
	if resp, _ := m.document(t, "MPLIST"); resp.StatusCode != 500 {
		t.Errorf("the documents: %d", resp.StatusCode)
	}
	m.Faults.Clear()
	m.inject(t, Fault{Kind: FaultBomb, Delta: 1 << 20, Count: 1})
	if _, body := mustRequest(t, newHTTPClient(t, nil), "GET", m.URL("http"), "/SMS_MP/.sms_aut?MPLIST"); len(body) < 1<<20 {
		t.Errorf("a large document has %d bytes", len(body))
	}
	for name, f := range map[string]Fault{"two lines": {Kind: FaultStatus, Reason: "a\r\nb"}, "too large": {Kind: FaultBomb, Delta: 2 << 30}} {
		if _, err := m.Faults.Inject(f); err == nil {
			t.Errorf("%s: injected", name)
		}
	}
}

// TestKilledManagementPoint: registrations outlive a power cut.
func TestKilledManagementPoint(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	p := post{endpoint: "MP_LocationManager", body: siteInformation, signed: true}
	m.Kill()
	if got, err := c.try(p); err == nil {
		t.Errorf("it is dead, and answers %d", got.status)
	}
	if err := m.Revive(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := c.post(p); !strings.HasPrefix(got.body, "<SiteInfoReply") {
		t.Errorf("it is back: %d, refused: %s", got.status, m.refusal())
	}
}

// TestSilentManagementPoint: a client that gives up leaves nothing behind.
func TestSilentManagementPoint(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	in := m.inject(t, Fault{Kind: FaultSilence, Count: 1})
	c.http.Timeout = 50 * time.Millisecond
	if got, err := c.try(post{endpoint: "MP_LocationManager", body: siteInformation}); err == nil || in.Strikes() != 1 {
		t.Errorf("it answers %d", got.status)
	}
}

// TestManyAtOnce: machines register, are approved, ask and are blocked, all at the same time as the settings change.
func TestManyAtOnce(t *testing.T) {
	m := newTestMP(t, nil)
	var clients, switches sync.WaitGroup
	switches.Go(func() {
		for i := range 200 {
			m.change(func(s *MPSettings) { s.Delivery.Place, s.Reply.BOM = DeliveryPlace(i%3), i%2 == 0 })
			m.Clients()
			m.Messages.Entries()
		}
	})
	const machines, questions = 4, 10
	for i := range machines {
		c := m.caller("http", m.machine(Workgroup, fmt.Sprintf("PC%d", i)))
		clients.Go(func() {
			c.mustRegister("ccm_system", "0/0")
			if err := m.Approve(c.name); err != nil {
				t.Error(err)
			}
			for range questions {
				if _, list := c.ask(question(testPackage), true); len(list) != 5 {
					t.Errorf("%s is told of %d places", c.name, len(list))
				}
			}
			c.mustRegister("ccm_system", "0/1")
			if err := m.Block(c.name); err != nil {
				t.Error(err)
			}
			if root, _ := c.ask(question(testPackage), true); root != nil {
				t.Errorf("%s is blocked, and answered", c.name)
			}
		})
	}
	clients.Wait()
	switches.Wait()
	if got := m.Tally.Requests(MPRequest{Machine: "PC1", Request: "ContentLocationRequest"}); got != questions+1 {
		t.Errorf("PC1 has asked %d times", got)
	}
	if got := m.Tally.Tokens(MPToken{Audience: AudienceSite}); got != machines*questions {
		t.Errorf("%d tokens were issued", got)
	}
}
