package site

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

var unreachable = ccm.ErrUnreachable

// TestOneQuestionForAll checks that a content is asked for once, however many want it, and that who leaves ends nothing.
func TestOneQuestionForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(time.Second, "dp1", "dp2")}
		w := newWorld(t, Config{}, mp)
		short, cancel := context.WithCancel(t.Context())
		go func() { elapse(time.Second / 2); cancel() }()
		if _, err := w.Locate(short, pkg("PS100001"), ""); !errors.Is(err, context.Canceled) {
			t.Errorf("who leaves gets %v", err)
		}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				w.wants(t, pkg([]string{"PS100001", "ps100001"}[i%2]), []string{"", "mp"}[i/50], "dp1 dp2", time.Second)
			})
		}
		all.Wait()
		if n := mp.count("locate"); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}

// TestAges checks how long an answer counts, for those who look and for those who ask.
func TestAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(0, "dp1")}
		w := newWorld(t, Config{LocationsAge: 10 * time.Minute}, mp)
		known := func(want string, ok bool) {
			t.Helper()
			if list, got := w.Known(pkg("PS100001")); located(list) != want || got != ok {
				t.Errorf("known is %q, %v, want %q, %v", located(list), got, want, ok)
			}
		}
		known("", false)
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		mp.locate = at(0, "dp2")
		elapse(recent - time.Millisecond)
		w.wants(t, pkg("PS100001"), "", "dp1", 0) // as it was said a moment ago
		elapse(time.Millisecond)
		known("dp1", true)
		w.wants(t, pkg("PS100001"), "", "dp2", 0) // asked again by one who has found the old answer wanting
		elapse(10*time.Minute - 1)
		known("dp2", true)
		elapse(1)
		known("", false)
		mp.locate = failing(unreachable)
		w.wants(t, pkg("PS100001"), "", "dp2", 0)
		known("dp2", true) // it outlives its age, since nobody can be asked
		if n := mp.count("locate"); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

// TestNoLocation checks that "nowhere" is an answer, which is asked for again soon.
func TestNoLocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{}, &fake{locate: at(0, "dp9")}
		w := newWorld(t, Config{}, mp, cmg)
		w.wants(t, pkg("PS100001"), "", "", 0)
		w.wants(t, pkg("PS100001"), "", "", 0)
		if list, ok := w.Known(pkg("PS100001")); len(list) != 0 || !ok {
			t.Errorf("known is %v, %v, want that there is none", list, ok)
		}
		elapse(recent)
		if _, ok := w.Known(pkg("PS100001")); ok {
			t.Error("that there is none is known for ever")
		}
		mp.locate = at(0, "dp1")
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		w.wants(t, pkg("PS100002"), "", "dp1", 0)
		mp.locate = nil
		w.wants(t, pkg("PS100003"), "", "", 0)
		mp.locate, cmg.locate = failing(unreachable), failing(unreachable)
		elapse(recent)
		w.wants(t, pkg("PS100003"), "", "error", 0) // what there was not then there may be now
		if list, ok := w.Known(pkg("PS100003")); len(list) != 0 || ok {
			t.Errorf("known is %v, %v, want nothing", list, ok)
		}
		if mp.count("locate") != 5 || cmg.count("locate") != 1 {
			t.Errorf("asked %d and %d times, want 5 and 1", mp.count("locate"), cmg.count("locate"))
		}
	})
}

// TestKnownIsMerged checks the order of what several ways have said, and that a location is there once.
func TestKnownIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, &fake{locate: at(0, "a", "b")}, &fake{locate: at(0, "c", "b")})
		w.wants(t, pkg("PS100001"), "cmg", "c b", 0)
		w.wants(t, pkg("PS100001"), "mp", "a b", 0)
		list, ok := w.Known(pkg("ps100001"))
		if located(list) != "a b c" || !ok {
			t.Errorf("known is %q, %v, want a b c", located(list), ok)
		}
		list[0].URL = "changed"
		if again, _ := w.Known(pkg("PS100001")); located(again) != "a b c" {
			t.Errorf("who has the list changes what is kept: %q", located(again))
		}
	})
}

func TestLocateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{}
		w := newWorld(t, Config{}, mp)
		for _, c := range []ccm.Content{{Kind: ccm.Package, Version: 1}, {Kind: ccm.Update, ID: "UID:x"}} {
			if _, err := w.Locate(t.Context(), c, ""); err == nil {
				t.Errorf("%+v is located", c)
			}
		}
		w.wants(t, ccm.Content{}, "", "", 0) // the client package has neither id nor version
		if mp.count("locate") != 1 {
			t.Errorf("asked %d times, want once", mp.count("locate"))
		}
	})
}

// TestBounds checks that what is kept does not grow with what the site says.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: func(_ context.Context, c ccm.Content) (found ccm.Locations, err error) {
			for range 2 * maxLocations {
				found.List = append(found.List, onDP("dp"+string(rune('a'+len(found.List)%26))+strings.Repeat("x", len(found.List)), c))
				found.Hashes = append(found.Hashes, ccm.ContentHash{})
				found.Unknown = append(found.Unknown, c.ID+strings.Repeat("n", len(found.List)))
			}
			return found, nil
		}}
		w := newWorld(t, Config{}, mp)
		for i := range maxContents + 10 {
			found, err := w.Locate(t.Context(), ccm.Content{Kind: ccm.Package, ID: "PS100001", Version: i + 1}, "")
			if err != nil || len(found.List) != maxLocations || len(found.Hashes) != maxHashes || found.Unknown != nil {
				t.Fatalf("%d locations, %d hashes (%v)", len(found.List), len(found.Hashes), err)
			}
		}
		if status := w.Status(); status.Contents != maxContents || len(status.UnknownNames) != 2*maxLocations {
			t.Errorf("%d contents and %d names", status.Contents, len(status.UnknownNames))
		}
		for _, id := range []string{"PSMANY01", "PSMANY02", "PSMANY03", "PSMANY04"} {
			w.wants(t, pkg(id), "", located(mustLocate(t, mp, id).List[:maxLocations]), 0)
		}
		if n := len(w.Status().UnknownNames); n != maxNames {
			t.Errorf("%d names, want %d", n, maxNames)
		}
		if n := w.purse.pockets.Len(); n > maxAudiences {
			t.Errorf("%d audiences", n)
		}
		if n := w.index.targets.Len(); n != 0 {
			t.Errorf("%d targets of the cloud", n)
		}
	})
}

func mustLocate(t *testing.T, f *fake, id string) ccm.Locations {
	t.Helper()
	found, err := f.Locate(t.Context(), pkg(id), ccm.Place{})
	must(t, err)
	return found
}

// TestLastAnswerCounts checks which of several old answers stands in when nobody can be asked.
func TestLastAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{locate: at(0, "a")}, &fake{locate: at(0, "b")}
		w := newWorld(t, Config{}, mp, cmg)
		w.wants(t, pkg("PS100001"), "mp", "a", 0)
		elapse(time.Hour)
		w.wants(t, pkg("PS100001"), "cmg", "b", 0)
		elapse(time.Hour)
		mp.locate, cmg.locate = failing(unreachable), failing(unreachable)
		w.wants(t, pkg("PS100001"), "", "b", 0)
		w.wants(t, pkg("PS100001"), "mp", "a", 0)
		if list, ok := w.Known(pkg("PS100001")); located(list) != "a b" || !ok {
			t.Errorf("known is %q, %v", located(list), ok)
		}
	})
}

// TestClockSetBack checks that an answer from the future, as the clock now has it, is asked for anew.
func TestClockSetBack(t *testing.T) {
	now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	one := said{at: now}
	for _, c := range []struct {
		now  time.Time
		want bool
	}{{now, true}, {now.Add(time.Hour - 1), true}, {now.Add(time.Hour), false}, {now.Add(-1), false}, {now.AddDate(-1, 0, 0), false}} {
		if got := one.younger(time.Hour, c.now); got != c.want {
			t.Errorf("at %v it is young: %v", c.now, got)
		}
	}
}

// TestKnownOfSomeVersion checks what is known of a package whose version nobody tells, as in URLs of distribution points.
func TestKnownOfSomeVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		mp := &fake{locate: func(_ context.Context, c ccm.Content) (found ccm.Locations, err error) {
			asked = append(asked, c.Version)
			return at(0, fmt.Sprint("dp", c.Version))(t.Context(), c)
		}}
		w := newWorld(t, Config{Replies: replyReader(t)}, mp)
		bare := ccm.Content{Kind: ccm.Package, ID: "PS100001"}
		w.wants(t, bare, "", "dp1", 0) // nobody has told any
		for _, v := range []int{3, 2} {
			w.Passed(ccm.Content{Kind: ccm.Package, ID: "PS100001", Version: v}, passingReply(fmt.Sprintf("https://passed%d/x", v), "x"), false, false)
		}
		if list, ok := w.Known(bare); !ok || located(list) != "passed3" {
			t.Errorf("known is %q, %v", located(list), ok)
		}
		w.wants(t, bare, "mp", "dp3", 0)
		if fmt.Sprint(asked) != "[1 3]" {
			t.Errorf("versions %v were asked for", asked)
		}
	})
}
