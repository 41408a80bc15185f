package site

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// told is a way that tells who answers.
type told struct {
	*fake
	describe func(context.Context) (Description, error)
}

func (f *told) Describe(ctx context.Context) (Description, error) {
	f.begin("describe", ccm.Content{})
	defer f.end()
	return f.describe(ctx)
}

// TestLook checks what a look at a way that nobody has asked finds out.
func TestLook(t *testing.T) {
	ours := Description{Version: "5.00.1", Of: "PS1", ManagementPoints: []string{"mp1"}, SigningCertificate: "AB"}
	kept := Description{ManagementPoints: []string{"mp1"}}
	says := func(d Description, kind error) func(context.Context) (Description, error) {
		return func(context.Context) (Description, error) {
			if kind != nil {
				return d, problem(kind)
			}
			return d, nil
		}
	}
	refused := func(context.Context) (ccm.Registration, error) { return ccm.Registration{}, problem(ccm.ErrRefused) }
	waits := func(context.Context) (ccm.Registration, error) {
		return ccm.Registration{Approval: ccm.ApprovalPending}, nil
	}
	for name, c := range map[string]struct {
		describe func(context.Context) (Description, error)
		confirm  func(context.Context) (ccm.Registration, error)
		locate   func(context.Context, ccm.Content) (ccm.Locations, error)
		stranger bool // it is not registered
		state    string
		about    Description
		wrong    string // in what status says of who answers
	}{
		"all is well":                       {describe: says(ours, nil), confirm: inOrder, state: "ok", about: ours},
		"it waits for its administrator":    {describe: says(ours, nil), confirm: waits, state: "ok", about: ours},
		"a stranger":                        {describe: says(ours, nil), stranger: true, state: "ok", about: ours},
		"a stranger, who is told nothing":   {describe: says(Description{}, ccm.ErrRefused), stranger: true, state: "untried", wrong: "empty answer"},
		"nobody is told":                    {describe: says(Description{}, ccm.ErrProtocol), confirm: inOrder, state: "ok", wrong: "not what such a server says"},
		"away, and something was kept":      {describe: says(kept, ccm.ErrUnreachable), confirm: inOrder, state: "unreachable", about: kept},
		"of another site":                   {describe: says(Description{Of: "XYZ"}, ccm.ErrOtherSite), confirm: inOrder, state: "other-site", about: Description{Of: "XYZ"}},
		"it does not speak of us":           {describe: says(ours, nil), confirm: refused, state: "ok", about: ours},
		"it speaks of nothing":              {describe: says(Description{}, ccm.ErrRefused), confirm: refused, locate: at(0, "dp"), state: "ok", wrong: "empty answer"},
		"it says nothing at all":            {describe: says(Description{}, ccm.ErrRefused), confirm: refused, locate: failing(ccm.ErrRefused), state: "refused", wrong: "empty answer"},
		"says who it is, and then no more":  {describe: says(ours, nil), confirm: func(ctx context.Context) (ccm.Registration, error) { return ccm.Registration{}, silent(ctx) }, state: "unreachable", about: ours},
		"a gateway that forbids the asking": {describe: says(Description{}, ccm.ErrForbidden), confirm: inOrder, state: "ok", wrong: "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &told{&fake{confirm: c.confirm, locate: c.locate}, c.describe}
				w := newWorldOf(t, Config{}, []Way{{Name: "mp", Client: f}})
				if c.stranger {
					commit, err := w.Prepare(Config{Ways: []Way{{Name: "mp", Client: f}}, SiteAudience: "site"})
					must(t, err)
					commit()
				}
				got := w.Check(t.Context()).Ways[0]
				if got.State != c.state || got.About == nil {
					t.Fatalf("the status is %+v", got)
				}
				a := got.About
				if a.Version != c.about.Version || a.Of != c.about.Of || !slices.Equal(a.ManagementPoints, c.about.ManagementPoints) || a.SigningCertificate != c.about.SigningCertificate {
					t.Errorf("it is told to be %+v, want %+v", a, c.about)
				}
				if (a.LastError == "") != (c.wrong == "") || !strings.Contains(a.LastError, c.wrong) || strings.Contains(a.LastError, canary) {
					t.Errorf("the reason is %q, want %q", a.LastError, c.wrong)
				}
			})
		})
	}
}

// TestALookIsKept: a way that works is asked who it is once an hour, and at once when it has failed.
func TestALookIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := false
		f := &told{&fake{confirm: inOrder}, func(context.Context) (Description, error) {
			if away {
				return Description{}, problem(unreachable)
			}
			return Description{Version: "1", ManagementPoints: []string{"mp1"}}, nil
		}}
		w := newWorldOf(t, Config{}, []Way{{Name: "mp", Client: f}})
		for range 24 {
			w.Check(t.Context())
			elapse(5 * time.Minute)
		}
		if n := f.count("describe"); n != 2 {
			t.Errorf("asked %d times in two hours, want 2", n)
		}
		away = true
		elapse(time.Hour)
		w.Check(t.Context())
		w.Check(t.Context())
		got := w.state("mp")
		if n := f.count("describe"); n != 3 || got.State != "unreachable" || got.About.Version != "1" || time.Since(got.About.Asked) < time.Hour {
			t.Errorf("asked %d times, state %+v, %+v", n, got, got.About)
		}
		away = false
		w.Retry() // as after a reload
		w.Check(t.Context())
		if n := f.count("describe"); n != 4 || w.state("mp").State != "ok" || !w.state("mp").About.Asked.Equal(time.Now().Round(0)) {
			t.Errorf("asked %d times, state %+v", n, w.state("mp"))
		}
	})
}
