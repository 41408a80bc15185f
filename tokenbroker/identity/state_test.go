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
			path := filepath.Join(config.Directory, "registration.json")
			if err := os.Chtimes(path, start, start); err != nil {
				t.Fatal(err)
			}
			got, err := i.SaveState(c.answer)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.ModTime().Equal(start) == c.written {
				t.Errorf("the record is of %v (%v), written: want %v", info.ModTime(), err, c.written)
			}
			expect(t, got, first, string(c.answer.State()))
			if asked := got.Describe().Asked; asked.Equal(moment) != c.written {
				t.Errorf("asked at %v", asked)
			}
		})
	}
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
