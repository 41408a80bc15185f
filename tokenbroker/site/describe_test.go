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
	describe  func(context.Context) (Description, error)
	documents Description
}

func (f *told) Describe(ctx context.Context) (Description, error) {
	f.begin("describe", ccm.Content{})
	defer f.end()
	return f.describe(ctx)
}

func (f *told) Documents(context.Context) Description { return f.documents }

// says is an answer about a version, or an error.
func says(version string, kind error) func(context.Context) (Description, error) {
	return func(context.Context) (Description, error) {
		if kind != nil {
			return Description{}, problem(kind)
		}
		return Description{Version: version}, nil
	}
}

// TestLook checks what a look at a way that nobody has asked finds out.
func TestLook(t *testing.T) {
	refused := func(context.Context) (ccm.Registration, error) { return ccm.Registration{}, problem(ccm.ErrRefused) }
	waits := func(context.Context) (ccm.Registration, error) {
		return ccm.Registration{Approval: ccm.ApprovalPending}, nil
	}
	hangs := func(ctx context.Context) (ccm.Registration, error) { return ccm.Registration{}, silent(ctx) }
	for name, c := range map[string]struct {
		describe func(context.Context) (Description, error)
		confirm  func(context.Context) (ccm.Registration, error)
		locate   func(context.Context, ccm.Content) (ccm.Locations, error)
		stranger bool // it is not registered
		state    string
		version  string
		wrong    string // in what status says of who answers
	}{
		"all is well":                       {describe: says("5", nil), confirm: inOrder, state: "ok", version: "5"},
		"it waits for its administrator":    {describe: says("5", nil), confirm: waits, state: "ok", version: "5"},
		"a stranger":                        {describe: says("5", nil), stranger: true, state: "ok", version: "5"},
		"a stranger, who is told nothing":   {describe: says("", ccm.ErrRefused), stranger: true, state: "untried", wrong: "empty answer"},
		"a stranger, to a broken server":    {describe: says("", ccm.ErrServer), stranger: true, state: "server-error", wrong: "failed"},
		"nobody is told":                    {describe: says("", ccm.ErrProtocol), confirm: inOrder, state: "ok", wrong: "not what such a server says"},
		"away":                              {describe: says("", ccm.ErrUnreachable), confirm: inOrder, state: "unreachable"},
		"of another site":                   {describe: says("", ccm.ErrOtherSite), confirm: inOrder, state: "other-site"},
		"it does not speak of us":           {describe: says("5", nil), confirm: refused, locate: at(0, "dp"), state: "ok", version: "5"},
		"it refuses us":                     {describe: says("5", nil), confirm: refused, locate: failing(ccm.ErrRefused), state: "refused", version: "5"},
		"it speaks of nothing":              {describe: says("", ccm.ErrRefused), confirm: refused, locate: at(0, "dp"), state: "ok", wrong: "empty answer"},
		"it says nothing at all":            {describe: says("", ccm.ErrRefused), confirm: refused, locate: failing(ccm.ErrRefused), state: "refused", wrong: "empty answer"},
		"says who it is, and then no more":  {describe: says("5", nil), confirm: hangs, state: "unreachable", version: "5"},
		"a gateway that forbids the asking": {describe: says("", ccm.ErrForbidden), confirm: inOrder, state: "ok", wrong: "forbidden"},
		"it fails at that question alone":   {describe: says("", ccm.ErrServer), confirm: inOrder, state: "ok", wrong: "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &told{&fake{confirm: c.confirm, locate: c.locate}, c.describe, Description{Of: "PS1", ManagementPoints: []string{"mp1"}, SigningCertificate: "AB"}}
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
				if a.Version != c.version || a.Asked.IsZero() != (c.version == "") {
					t.Errorf("it is told to be %+v", a)
				}
				if kept := a.Of == "PS1" && slices.Equal(a.ManagementPoints, []string{"mp1"}) && a.SigningCertificate == "AB"; kept == (c.state == "other-site") {
					t.Errorf("its documents say %+v", a)
				}
				if (a.LastError == "") != (c.wrong == "") || !strings.Contains(a.LastError, c.wrong) || strings.Contains(a.LastError, canary) {
					t.Errorf("the reason is %q, want %q", a.LastError, c.wrong)
				}
			})
		})
	}
}

// TestAWayThatRefusesUs rests longer and longer although it says who it is.
func TestAWayThatRefusesUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := func(context.Context) (ccm.Registration, error) { return ccm.Registration{}, problem(ccm.ErrRefused) }
		f := &told{&fake{confirm: refused, locate: failing(ccm.ErrRefused)}, says("5", nil), Description{}}
		w := newWorldOf(t, Config{}, []Way{{Name: "mp", Client: f}})
		for range 360 {
			w.wants(t, pkg("PS100001"), "", "error", 0)
			w.Check(t.Context())
			if got := w.state("mp").State; got != "refused" {
				t.Fatalf("the state is %s", got)
			}
			elapse(10 * time.Second)
		}
		if n := f.count("locate"); n > 40 {
			t.Errorf("it was asked %d times in an hour", n)
		}
	})
}

// TestALookIsKept: a way that works is asked who it is once an hour, and at once when it has failed.
func TestALookIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := false
		f := &told{&fake{confirm: inOrder}, func(context.Context) (Description, error) {
			if away {
				return Description{}, problem(unreachable)
			}
			return Description{Version: "1"}, nil
		}, Description{}}
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
