package identity_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

const (
	first  = "GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"
	second = "GUID:1F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"
)

func pending(smsid string) ccm.Registration {
	return ccm.Registration{SMSID: smsid, Status: ccm.StatusRegistered, Approval: ccm.ApprovalPending}
}

func approved(smsid string) ccm.Registration {
	return ccm.Registration{SMSID: smsid, Status: ccm.StatusRegistered, Approval: ccm.Approved}
}

func save(t *testing.T, i *identity.Identity, answer ccm.Registration) *identity.Identity {
	t.Helper()
	saved, err := i.SaveSMSID(answer)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// expect compares what an identity knows of its registration, in all places that tell it.
func expect(t *testing.T, i *identity.Identity, smsid, state string) {
	t.Helper()
	d := i.Describe()
	answer, asked := i.Registration()
	if i.CCM().SMSID() != smsid || d.SMSID != smsid || answer.SMSID != smsid || d.State != state || asked != (state != identity.Unregistered) {
		t.Errorf("the identity is %q, described as %q %s, answered %+v (%v), want %q %s", i.CCM().SMSID(), d.SMSID, d.State, answer, asked, smsid, state)
	}
}

func TestRegistration(t *testing.T) {
	i, config := created(t)
	expect(t, i, "", identity.Unregistered)
	i = save(t, i, pending(strings.ToLower(first)))
	expect(t, i, first, string(ccm.StatePendingApproval))
	i = save(t, i, approved(""))
	expect(t, i, first, string(ccm.StateRegistered))
	loaded, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, loaded, first, string(ccm.StateRegistered))
	if asked := loaded.Describe().Asked; !asked.Equal(start) {
		t.Errorf("asked at %v, want %v", asked, start)
	}
	if _, err := i.SaveSMSID(approved("GUID:nonsense")); err == nil {
		t.Error("a client id that is none is kept")
	}
	expect(t, save(t, i, ccm.Registration{Status: ccm.StatusReset}), first, string(ccm.StateReset))
	expect(t, save(t, i, approved(second)), second, string(ccm.StateRegistered))
}

func TestRejectedWithoutID(t *testing.T) {
	i, _ := created(t)
	expect(t, save(t, i, ccm.Registration{Status: ccm.StatusError}), "", string(ccm.StateRejected))
}

// TestTwoProcesses has the service look at what the command line does.
func TestTwoProcesses(t *testing.T) {
	line, config := created(t)
	service, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	line = save(t, line, pending(first))
	seen, err := service.Current()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, seen, first, string(ccm.StatePendingApproval))
	expect(t, service, "", identity.Unregistered) // what it was does not change

	// The command line registers anew, and gets another id, while the service still asks about the old one.
	line = save(t, line, approved(second))
	late := save(t, seen, ccm.Registration{SMSID: first, Status: ccm.StatusReset})
	expect(t, late, second, string(ccm.StateRegistered))
	expect(t, line, second, string(ccm.StateRegistered))
}

// TestManyProcesses saves and reads at once: who reads sees an answer that was saved, whole.
func TestManyProcesses(t *testing.T) {
	i, config := created(t)
	var wg sync.WaitGroup
	for _, answer := range []ccm.Registration{pending(first), approved(first), pending(second), approved(second)} {
		wg.Go(func() {
			for range 5 {
				if _, err := i.SaveSMSID(answer); err != nil {
					t.Error(err)
				}
				loaded, err := identity.Load(config)
				if err != nil {
					t.Error(err)
					continue
				}
				if got := loaded.CCM().SMSID(); got != first && got != second {
					t.Errorf("the client id is %q", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestBelongsToSiteAndKey(t *testing.T) {
	i, config := created(t)
	save(t, i, approved(first))
	elsewhere := config
	elsewhere.SiteCode = "XYZ"
	moved, err := identity.Load(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, moved, "", identity.Unregistered)

	if err := os.Remove(filepath.Join(config.Directory, "client.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Current(); !errors.Is(err, identity.ErrNone) {
		t.Errorf("Current without a key = %v", err)
	}
	another, err := identity.Create(config)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, another, "", identity.Unregistered)
	if _, err := i.SaveSMSID(approved(first)); !errors.Is(err, identity.ErrReplaced) {
		t.Errorf("SaveSMSID for a key that is gone = %v, want ErrReplaced", err)
	}
	current, err := i.Current()
	if err != nil {
		t.Fatal(err)
	}
	if string(current.CCM().Certificate()) != string(another.CCM().Certificate()) {
		t.Error("Current is still the identity that is gone")
	}
}

func TestDamagedRecord(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no JSON": "x", "another thing": "[]", "no key": `{"site":"PS1","at":"2030-01-02T03:04:05Z"}`,
		"half": `{"site":"PS1","key":"`,
	} {
		t.Run(name, func(t *testing.T) {
			i, config := created(t)
			save(t, i, approved(first))
			path := filepath.Join(config.Directory, "registration.json")
			put(t, path, []byte(text))
			if _, err := identity.Load(config); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "register again") {
				t.Errorf("Load = %v, want what to do about %s", err, path)
			}
		})
	}
}

func TestWrongClientID(t *testing.T) {
	i, config := created(t)
	save(t, i, approved(first))
	path := filepath.Join(config.Directory, "registration.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, []byte(strings.Replace(string(text), first, "GUID:x", 1)))
	if _, err := identity.Load(config); err == nil {
		t.Error("a client id that is none is used")
	}
}

// TestClock has the clock go on between two answers. That is no reason to be somebody else.
func TestClock(t *testing.T) {
	i, config := created(t)
	i = save(t, i, pending(first))
	config.Now = at(start.Add(90 * time.Minute))
	later, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	later = save(t, later, approved(first))
	expect(t, later, first, string(ccm.StateRegistered))
	if got := later.Describe().Asked; !got.Equal(start.Add(90 * time.Minute)) {
		t.Errorf("asked at %v", got)
	}
	if seen, err := i.Current(); err != nil || seen != i {
		t.Errorf("Current = another one (%v), and it is the same client", err)
	}
}
