package identity_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// TestForgedConfirmation has somebody answer, in place of the site, that this machine is another client.
func TestForgedConfirmation(t *testing.T) {
	i, config := created(t)
	i = save(t, i, approved(first))
	if got, err := i.SaveState(approved(second)); err == nil {
		t.Errorf("an answer about another client makes it %s", got.CCM().SMSID())
	}
	if _, err := i.SaveState(approved("nonsense")); err == nil {
		t.Error("an answer about what is no client is kept")
	}
	after, err := identity.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, after, first, string(ccm.StateRegistered))
}

// TestSaveState: what the site says is written when it is news, and otherwise once a day.
func TestSaveState(t *testing.T) {
	for name, c := range map[string]struct {
		answer  ccm.Registration
		later   time.Duration
		written bool
	}{
		"the same":                  {pending(first), 5 * time.Minute, false},
		"the same without an id":    {pending(""), 23 * time.Hour, false},
		"the same a day later":      {pending(""), 24 * time.Hour, true},
		"a clock that was set back": {pending(""), -time.Hour, true},
		"news":                      {approved(""), time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			i, config := created(t)
			save(t, i, pending(first))
			moment := start.Add(c.later)
			config.Now = at(moment)
			i, err := identity.Load(config)
			if err != nil {
				t.Fatal(err)
			}
			before := stat(t, config)
			got, err := i.SaveState(c.answer)
			if err != nil {
				t.Fatal(err)
			}
			if written := !os.SameFile(before, stat(t, config)); written != c.written {
				t.Errorf("the record was written: %v, want %v", written, c.written)
			}
			expect(t, got, first, string(c.answer.State()))
			if asked := got.Describe().Asked; asked.Equal(moment) != c.written {
				t.Errorf("asked at %v", asked)
			}
		})
	}
}

func stat(t *testing.T, config identity.Config) os.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(config.Directory, "registration.json"))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestNewRegistrationStays has the service keep what the site says of the old id while the command line keeps a new one.
func TestNewRegistrationStays(t *testing.T) {
	_, config := created(t)
	for n := range 50 {
		id := func(n int) string { return fmt.Sprintf("GUID:0F1E2D3C-4B5A-6978-8796-%012X", n) }
		i, err := identity.Load(config)
		if err != nil {
			t.Fatal(err)
		}
		service := save(t, i, pending(id(2*n)))
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := service.SaveState(approved(id(2 * n))); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := service.SaveSMSID(approved(id(2*n + 1))); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		now, err := identity.Load(config)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, now, id(2*n+1), string(ccm.StateRegistered))
	}
}
