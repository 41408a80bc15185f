package site

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// TestRegistrationStates checks what Status says of a machine whom the site refuses, for each state of its registration.
func TestRegistrationStates(t *testing.T) {
	for _, c := range []struct {
		name         string
		refusal      error
		registration ccm.Registration
		err          error
		way, state   string
		last         string
	}{
		{"pending approval", ccm.ErrRefused, ccm.Registration{Approval: ccm.ApprovalPending}, nil, "pending", "pending approval", ""},
		{"not worked on yet", ccm.ErrRefused, ccm.Registration{Status: ccm.StatusPending}, nil, "pending", "pending registration", ""},
		{"reset", ccm.ErrNotRegistered, ccm.Registration{Status: ccm.StatusReset}, nil, "not-registered", "reset", ""},
		{"rejected", ccm.ErrRefused, ccm.Registration{Status: ccm.StatusError}, nil, "refused", "rejected", ""},
		{"in order, and refused", ccm.ErrRefused, ccm.Registration{Approval: ccm.Approved}, nil, "refused", "registered", ""},
		{"no answer to that either", ccm.ErrRefused, ccm.Registration{}, problem(ccm.ErrRefused), "refused", "unknown", "empty answer"},
		{"another trouble", ccm.ErrServer, ccm.Registration{Approval: ccm.ApprovalPending}, nil, "server-error", "unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp := &fake{locate: failing(c.refusal)}
				mp.confirm = func(context.Context) (ccm.Registration, error) { return c.registration, c.err }
				w := newWorld(t, Config{}, mp)
				w.wants(t, pkg("PS100001"), "", "error", 0)
				w.wants(t, pkg("PS100002"), "", "error", 0)
				got := w.Status()
				if got.Ways[0].State != c.way || got.Registration.State != c.state || got.Registration.SMSID != testSMSID || !strings.Contains(got.Registration.LastError, c.last) {
					t.Errorf("the status is %+v", got)
				}
				if (c.state == "unknown") != got.Registration.Since.IsZero() {
					t.Errorf("since %v", got.Registration.Since)
				}
				if n := mp.count("confirm"); n != map[bool]int{true: 0, false: 1}[c.refusal == ccm.ErrServer] {
					t.Errorf("asked %d times how the registration stands", n)
				}
			})
		})
	}
}

// TestApproval checks the normal course: a machine waits for its administrator for days, and then everything works by itself.
func TestApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		approved := func() bool { return time.Since(begun) >= 48*time.Hour }
		mp := &fake{}
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			if !approved() {
				return ccm.Locations{}, problem(ccm.ErrRefused)
			}
			return at(0, "dp1")(nil, c)
		}
		mp.confirm = func(context.Context) (ccm.Registration, error) {
			if !approved() {
				return ccm.Registration{Approval: ccm.ApprovalPending, Unknown: []string{"ClientRegistrationResponse/@New"}}, nil
			}
			return ccm.Registration{Approval: ccm.Approved}, nil
		}
		w := newWorld(t, Config{}, mp)
		for range 48 * 60 {
			w.wants(t, pkg("PS100001"), "", "error", 0)
			elapse(time.Minute)
		}
		if got := w.Status(); got.Ways[0].State != "pending" || got.Registration.State != "pending approval" || !got.Registration.Since.Equal(begun) {
			t.Errorf("the status is %+v", got)
		}
		if n := mp.count("locate"); n > 48*12+5 {
			t.Errorf("the site was asked %d times in two days, want every five minutes at most", n)
		}
		if n := strings.Count(w.log.String(), `"level":"WARN"`); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
		elapse(longestRetry)
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		synctest.Wait()
		if got := w.Status(); got.Ways[0].State != "ok" || got.Registration.State != "registered" || len(got.UnknownNames) != 1 {
			t.Errorf("the status is %+v", got)
		}
		asked := mp.count("confirm")
		elapse(time.Hour)
		w.wants(t, pkg("PS100002"), "", "dp1", 0)
		synctest.Wait()
		if mp.count("confirm") != asked {
			t.Error("a machine that is registered goes on asking whether it is")
		}
	})
}

// TestCheck checks what can be known before anybody needs anything.
func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{}, &fake{}
		mp.confirm = func(context.Context) (ccm.Registration, error) {
			<-time.After(time.Second)
			return ccm.Registration{Approval: ccm.ApprovalPending}, nil
		}
		cmg.confirm = func(ctx context.Context) (ccm.Registration, error) { return ccm.Registration{}, silent(ctx) }
		w := newWorld(t, Config{}, mp, cmg)
		if got := w.Status(); got.Ways[0].State != "untried" || got.Registration.State != "unknown" {
			t.Errorf("the status is %+v", got)
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if got := w.Check(t.Context()); got.Ways[0].State != "ok" || got.Ways[1].State != "unreachable" || got.Registration.State != "pending approval" {
					t.Errorf("the status is %+v", got)
				}
			})
		}
		all.Wait()
		w.Check(t.Context())
		if mp.count("confirm") != 2 || cmg.count("confirm") != 1 {
			t.Errorf("asked %d and %d times, want 2 and 1: the other one rests", mp.count("confirm"), cmg.count("confirm"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begun := time.Now()
		w.Check(ctx)
		if took := time.Since(begun); took > time.Millisecond {
			t.Errorf("who has little time waits for %v", took)
		}
	})
}

// TestNotRegistered checks a machine without an id: what needs none works, and nobody is asked how it stands.
func TestNotRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(0, "dp1")}
		w := newWorld(t, Config{}, mp)
		next := Config{Ways: waysOf(mp), SiteAudience: "site"}
		commit, err := w.Prepare(next)
		must(t, err)
		commit()
		w.wants(t, pkg("PS100001"), "", "dp1", 0)
		if got := w.Check(t.Context()); got.Registration.State != "not registered" || got.Registration.SMSID != "" || got.Ways[0].State != "ok" {
			t.Errorf("the status is %+v", got)
		}
		if mp.count("confirm") != 0 {
			t.Error("it was asked how no registration stands")
		}
	})
}

// plain is a client that cannot ask about a registration.
type plain struct{ of *fake }

func (p *plain) Locate(ctx context.Context, c ccm.Content, place ccm.Place) (ccm.Locations, error) {
	return p.of.Locate(ctx, c, place)
}

func (p *plain) DPToken(ctx context.Context, c ccm.Content, place ccm.Place) (ccm.Token, error) {
	return p.of.DPToken(ctx, c, place)
}

func (p *plain) ForgetDPToken(t ccm.Token) { p.of.ForgetDPToken(t) }

// TestPlainClient checks that a client may know nothing of registrations.
func TestPlainClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: failing(ccm.ErrRefused)}
		s, err := New(Config{Ways: []Way{{Name: "mp", Client: &plain{mp}}}, SiteAudience: "site", SMSID: testSMSID})
		must(t, err)
		if _, err := s.Locate(t.Context(), pkg("PS100001"), ""); !errors.Is(err, ccm.ErrRefused) {
			t.Errorf("got %v", err)
		}
		if got := s.Check(t.Context()); got.Ways[0].State != "refused" || got.Registration.State != "unknown" {
			t.Errorf("the status is %+v", got)
		}
		must(t, s.Close(t.Context()))
	})
}

// TestCertificate: that the certificate of this machine has ended is told when it has.
func TestCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().Add(time.Hour)
		w := newWorld(t, Config{Valid: func(at time.Time) error {
			if at.After(ends) {
				return errors.New("it has ended")
			}
			return nil
		}}, &fake{})
		if said := w.Status().Registration.Certificate; said != "" {
			t.Errorf("while it is good: %q", said)
		}
		elapse(2 * time.Hour)
		if said := w.Status().Registration.Certificate; said != "it has ended" {
			t.Errorf("after its end: %q", said)
		}
	})
}
