package site

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// TestTokensOfLocations checks what the tokens of an answer are noted for.
func TestTokensOfLocations(t *testing.T) {
	const cloudHost = "cloud.example.org"
	for _, c := range []struct {
		name  string
		list  string // locations: a DP that wants a token, an open one, a cloud one; in upper case with a token of its own
		token string // of the whole answer
		want  map[string]string
	}{
		{"for the site, and not for the cloud", "dc", "general", map[string]string{"site": "general"}},
		{"the cloud's own", "dC", "general", map[string]string{"site": "general", cloudHost: "own"}},
		{"of one location", "oD", "", map[string]string{"site": "own"}},
		{"the first counts", "Dd", "general", map[string]string{"site": "own"}},
		{"for the cloud only", "oc", "general", map[string]string{cloudHost: "general"}},
		{"nobody wants it", "o", "general", map[string]string{"site": "general"}},
		{"none", "oc", "", map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reply ccm.Locations
				for i, letter := range c.list {
					l := onDP(fmt.Sprint("dp", i), pkg("PS100001"))
					switch letter {
					case 'o':
						l = ccm.Location{URL: "http://dp3/SMS_DP_SMSPKG$/PS100001", Access: ccm.AccessOpen}
					case 'c', 'C':
						l = inCloudAt(t, "Cloud.example.org:443", "cid=PS100001")
					}
					if letter < 'a' {
						l.Token = tokenOf(t, "own", time.Hour)
					}
					reply.List = append(reply.List, l)
				}
				if c.token != "" {
					reply.Token = tokenOf(t, c.token, time.Hour)
				}
				mp := &fake{locate: func(context.Context, ccm.Content) (ccm.Locations, error) { return reply, nil }}
				w := newWorld(t, Config{}, mp)
				found, err := w.Locate(t.Context(), pkg("PS100001"), "")
				must(t, err)
				for _, l := range found.List {
					if !l.Token.IsZero() {
						t.Error("a token leaves by another door than the source")
					}
				}
				for _, audience := range []string{"site", cloudHost} {
					asked := mp.count("token") + mp.count("locate")
					w.gives(t, "mp", audience, c.want[audience], 0)
					if c.want[audience] != "" && mp.count("token")+mp.count("locate") != asked {
						t.Errorf("the site is asked for the token for %s, which came with locations", audience)
					}
				}
			})
		})
	}
}

// TestCloudToken checks that the token of a cloud distribution point is renewed by locating a content that is there.
func TestCloudToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		mp := &fake{}
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			n++
			l := inCloudAt(t, "cloud.example.org", "cid="+c.ID)
			if c.ID == "PS100002" {
				return ccm.Locations{List: []ccm.Location{l}}, nil
			}
			l.Token = tokenOf(t, "c"+string(rune('0'+n)), 8*time.Hour)
			return ccm.Locations{List: []ccm.Location{l}}, nil
		}
		w := newWorld(t, Config{}, mp)
		w.gives(t, "mp", "cloud.example.org", "", 0) // nothing is known to be there
		if mp.count("locate") != 0 {
			t.Error("a host that nobody has named is asked about")
		}
		w.wants(t, pkg("PS100001"), "", "cloud.example.org", 0)
		w.wants(t, pkg("PS100002"), "", "cloud.example.org", 0)
		first := w.gives(t, "mp", "cloud.example.org", "c1", 0)
		elapse(8*time.Hour - 5*time.Minute)
		w.gives(t, "mp", "cloud.example.org", "c4", 0) // the latest content gave none, the one before did
		w.Source("mp").(tokenbroker.Forgetter).Forget("cloud.example.org", first)
		w.gives(t, "mp", "cloud.example.org", "c4", 0) // an old refusal tells nothing of the new one
	})
}

// TestSourceDoesNotWait checks that a source that is silent does not hold up the chain while another one works.
func TestSourceDoesNotWait(t *testing.T) {
	hang := func(ctx context.Context, _ ccm.Content) (ccm.Token, error) { return ccm.Token{}, silent(ctx) }
	for _, c := range []struct {
		name   string
		ways   []string // that are sources
		within time.Duration
		least  time.Duration
	}{
		{"another source works", []string{"mp", "cmg"}, patience, 0},
		{"another way is no source", []string{"mp"}, 20 * time.Second, 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp, cmg := &fake{token: hang}, &fake{token: issuing(t, "g", time.Hour, 0)}
				w := newWorld(t, Config{}, mp, cmg)
				for _, way := range c.ways {
					w.Source(way)
				}
				begun := time.Now()
				w.gives(t, "mp", "site", "", c.within)
				if took := time.Since(begun); took < c.least {
					t.Errorf("it took %v, want %v", took, c.least)
				}
				w.gives(t, "cmg", "site", "g1", 0)
				elapse(time.Minute)
				w.gives(t, "mp", "site", "", c.least) // it finds out, on the side where another one works
			})
		})
	}
}

// TestPassedToken checks that a token of a passing answer is what the sources fall back on, and only where it may be used.
func TestPassedToken(t *testing.T) {
	reader, err := ccm.NewReplyReader(ccm.LocationSettings{}, ccm.DPTokenSettings{})
	must(t, err)
	reply := passingReply("https://dp1/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001", canary)
	for _, c := range []struct {
		name   string
		tokens bool
		mp     *fake
		want   string
	}{
		{"may be used, nobody else has one", true, &fake{}, canary},
		{"may be used, the site does not answer", true, &fake{token: func(context.Context, ccm.Content) (ccm.Token, error) { return ccm.Token{}, problem(unreachable) }}, canary},
		{"may be used, the site has one", true, &fake{token: issuing(t, "m", time.Hour, 0)}, "m1"},
		{"may not be used", false, &fake{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Replies: reader}, c.mp)
				w.Passed(pkg("PS100001"), reply, c.tokens, false)
				if list, ok := w.Known(pkg("PS100001")); located(list) != "dp1" || !ok || !list[0].Token.IsZero() {
					t.Errorf("known is %q, %v", located(list), ok)
				}
				got := w.gives(t, "mp", "site", c.want, 0)
				if c.want != canary {
					return
				}
				w.gives(t, "cmg", "site", canary, 0) // although there is no such way
				w.Source("cmg").(tokenbroker.Forgetter).Forget("site", got)
				w.gives(t, "mp", "site", "", 0)
			})
		})
	}
}
