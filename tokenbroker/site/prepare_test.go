package site

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/tokenbroker/ccm"
)

func TestNewRefuses(t *testing.T) {
	way := Way{Name: "mp", Client: &fake{}}
	for _, c := range []struct {
		name   string
		config Config
		says   string // "" is taken
	}{
		{"least", Config{Ways: []Way{way}, SiteAudience: "site"}, ""},
		{"no way", Config{SiteAudience: "site"}, "no way"},
		{"no client", Config{Ways: []Way{{Name: "mp"}}, SiteAudience: "site"}, "no client"},
		{"no name", Config{Ways: []Way{{Client: &fake{}}}, SiteAudience: "site"}, "no name for a way"},
		{"a name that is taken", Config{Ways: []Way{{Name: "passed", Client: &fake{}}}, SiteAudience: "site"}, "no name for a way"},
		{"twice", Config{Ways: []Way{way, way}, SiteAudience: "site"}, "two ways"},
		{"no audience", Config{Ways: []Way{way}}, "audience"},
		{"negative age", Config{Ways: []Way{way}, SiteAudience: "site", LocationsAge: -1}, "negative"},
		{"negative pause", Config{Ways: []Way{way}, SiteAudience: "site", RetryAfter: -1}, "negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := New(c.config)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want an error about %q", err, c.says)
			}
			if s != nil {
				must(t, s.Close(t.Context()))
				_, err = s.Prepare(Config{})
				if err == nil || len(s.Status().Ways) != 1 {
					t.Errorf("a reload without a way is taken: %v, %+v", err, s.Status())
				}
			}
		})
	}
	registry := prometheus.NewRegistry()
	for want := range 2 {
		if _, err := New(Config{Ways: []Way{way}, SiteAudience: "site", Registerer: registry}); (err != nil) != (want == 1) {
			t.Errorf("registered %d times with %v", want+1, err)
		}
	}
}

// TestPrepare checks what a reload keeps: what is known and how ways do, but a way with another client is tried at once.
func TestPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{locate: at(0, "a"), token: issuing(t, "m", time.Hour, 0)}, &fake{locate: failing(unreachable)}
		w := newWorld(t, Config{}, mp, cmg)
		source := w.Source("mp")
		w.wants(t, pkg("PS100001"), "", "a", 0)
		w.gives(t, "mp", "site", "m1", 0)
		w.wants(t, pkg("PS100001"), "cmg", "error", 0)
		mp.locate = failing(unreachable)
		w.wants(t, pkg("PS100002"), "mp", "error", 0)
		answered := w.state("mp").LastSuccess

		elapse(time.Second)
		other := &fake{locate: at(0, "b")}
		commit, err := w.Prepare(Config{Ways: []Way{{Name: "cmg", Client: cmg}, {Name: "mp", Client: other}}, SiteAudience: "site", SMSID: testSMSID, RetryAfter: time.Hour})
		must(t, err)
		if got := w.state("mp").State; got != "unreachable" {
			t.Errorf("before the commit the state is %s", got)
		}
		commit()
		if got := w.Status(); got.Ways[0].Name != "cmg" || got.Ways[0].State != "unreachable" || got.Ways[1].State != "untried" || !got.Ways[1].LastSuccess.Equal(answered) {
			t.Errorf("the status is %+v", got)
		}
		if list, _ := w.Known(pkg("PS100001")); located(list) != "a" {
			t.Errorf("known is %q", located(list))
		}
		w.wants(t, pkg("PS100002"), "", "b", 0)
		if w.Source("mp") != source {
			t.Error("the source is another one")
		}
		w.gives(t, "mp", "site", "m1", 0)
		elapse(30 * time.Second)
		w.wants(t, pkg("PS100003"), "cmg", "error", 0)
		if got := time.Until(w.state("cmg").RetryAt); got != time.Hour {
			t.Errorf("the pause is %v, want the new one", got)
		}

		commit, err = w.Prepare(Config{Ways: []Way{{Name: "cmg", Client: cmg}}, SiteAudience: "site"})
		must(t, err)
		commit()
		w.gives(t, "mp", "site", "", 0)
		if list, _ := w.Known(pkg("PS100001")); located(list) != "" {
			t.Errorf("known by a way that is gone is %q", located(list))
		}
	})
}

// TestAudience checks that the audiences of locations are a setting.
func TestAudience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(0, "dp1")}
		reader, err := ccm.NewReplyReader(ccm.LocationSettings{}, ccm.DPTokenSettings{})
		must(t, err)
		w := newWorld(t, Config{Replies: reader, Audience: func(l ccm.Location) string { return "of " + hostOf(l.URL) }}, mp)
		w.Passed(pkg("PS100001"), passingReply("https://DP7:443/CCMTOKENAUTH_SMS_DP_SMSPKG$/x", canary), true, false)
		w.gives(t, "mp", "of dp7", canary, 0)
		w.gives(t, "mp", "site", "", 0)
		w.Passed(pkg("PS100001"), passingReply("https://dp7:8443/CCMTOKENAUTH_SMS_DP_SMSPKG$/x", canary), true, false)
		w.gives(t, "mp", "of dp7:8443", canary, 0)
	})
}
