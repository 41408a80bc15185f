package site

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// TestWays checks whom a question goes to, and how long it takes, when ways fail in several manners.
func TestWays(t *testing.T) {
	dead := func(ctx context.Context, _ ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, silent(ctx) }
	for _, c := range []struct {
		name    string
		mp, cmg func(context.Context, ccm.Content) (ccm.Locations, error)
		way     string
		want    string
		within  time.Duration
	}{
		{"both work", at(0, "a"), at(0, "b"), "", "a", 0},
		{"by name", at(0, "a"), at(0, "b"), "cmg", "b", 0},
		{"the first fails", failing(unreachable), at(0, "b"), "", "b", 0},
		{"the first is silent", dead, at(0, "b"), "", "b", patience},
		{"the first is slow, and still the first to answer", at(patience+time.Second, "a"), at(time.Minute/2, "b"), "", "a", patience + time.Second},
		{"both fail", failing(unreachable), failing(ccm.ErrServer), "", "error", 0},
		{"both are silent", dead, dead, "", "error", 20*time.Second + patience},
		{"the one that was meant fails", failing(unreachable), at(0, "b"), "mp", "error", 0},
		{"no such way", at(0, "a"), at(0, "b"), "dp", "error", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, &fake{locate: c.mp}, &fake{locate: c.cmg})
				w.wants(t, pkg("PS100001"), c.way, c.want, c.within)
			})
		})
	}
}

// TestNobodyWaitsForTheDead checks that a way that is silent costs the first caller his patience and nobody else anything,
// also when the time has come to try it again; and that it is used again once it works.
func TestNobodyWaitsForTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp, cmg := &fake{}, &fake{locate: at(0, "b")}
		mp.locate = func(ctx context.Context, _ ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, silent(ctx) }
		w := newWorld(t, Config{}, mp, cmg)
		w.wants(t, pkg("PS100001"), "", "b", patience)
		w.wants(t, pkg("PS100002"), "", "b", 0) // although nobody knows yet that it will fail
		elapse(20 * time.Second)                // now it is known
		if got := w.state("mp"); got.State != "unreachable" || got.RetryAt.IsZero() || !strings.Contains(got.LastError, "there is no answer") {
			t.Errorf("the status is %+v", got)
		}
		asked := mp.count("locate")
		w.wants(t, pkg("PS100003"), "", "b", 0)
		w.wants(t, pkg("PS100004"), "mp", "error", 0)
		if n := mp.count("locate"); n != asked {
			t.Errorf("a way that rests was asked %d times", n-asked)
		}
		elapse(30 * time.Second)
		for _, id := range []string{"PS100005", "PS100006", "PS100007"} {
			w.wants(t, pkg(id), "", "b", 0)
		}
		synctest.Wait()
		if n := mp.count("locate"); n != asked+1 {
			t.Errorf("%d questions find out whether the way works, want one", n-asked)
		}
		mp.locate = at(time.Millisecond, "a")
		elapse(20*time.Second + time.Minute) // the pause is twice as long
		w.wants(t, pkg("PS100008"), "", "b", 0)
		elapse(time.Millisecond)
		w.wants(t, pkg("PS100009"), "", "a", time.Millisecond)
		if got := w.state("mp"); got.State != "ok" || !got.RetryAt.IsZero() || got.LastError == "" || got.LastSuccess.IsZero() {
			t.Errorf("the status is %+v", got)
		}
	})
}

// TestKeptAnswerDoesNotWait checks that who has an older answer gets it at once while the ways are known to fail, and soon
// while they are silent.
func TestKeptAnswerDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(0, "a")}
		w := newWorld(t, Config{}, mp)
		w.wants(t, pkg("PS100001"), "", "a", 0)
		mp.locate = func(ctx context.Context, _ ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, silent(ctx) }
		elapse(24 * time.Hour)
		w.wants(t, pkg("PS100001"), "", "a", patience)
		w.wants(t, pkg("PS100001"), "mp", "a", 0)
		elapse(20 * time.Second)
		w.wants(t, pkg("PS100001"), "", "a", 0)
		elapse(30 * time.Second)
		w.wants(t, pkg("PS100001"), "", "a", 0) // somebody finds out on the side
		w.wants(t, pkg("PS100002"), "", "error", 20*time.Second)
		if n := mp.count("locate"); n != 3 {
			t.Errorf("asked %d times, want 3: one answer, one that did not come, one trial", n)
		}
	})
}

// TestTrialIsWaitedFor checks that who has nothing else waits for the question that finds out, and then asks his own.
func TestTrialIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: failing(unreachable)}
		w := newWorld(t, Config{}, mp)
		w.wants(t, pkg("PS100001"), "", "error", 0)
		mp.locate = at(5*time.Second, "a")
		elapse(30 * time.Second)
		var all sync.WaitGroup
		for _, id := range []string{"PS100001", "PS100002", "PS100003"} {
			all.Go(func() { w.wants(t, pkg(id), "", "a", 10*time.Second) })
		}
		elapse(4 * time.Second)
		if n := mp.mostAtOnce(); n != 1 {
			t.Errorf("%d questions find out, want one", n)
		}
		all.Wait()
	})
}

// TestPauses checks how long a way is left alone.
func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name  string
		retry time.Duration
		want  []time.Duration
	}{
		{"usual", 0, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute}},
		{"long", time.Hour, []time.Duration{time.Hour, time.Hour, time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp := &fake{locate: failing(unreachable)}
				w := newWorld(t, Config{RetryAfter: c.retry}, mp)
				begun := time.Now()
				for i, pause := range c.want {
					w.wants(t, pkg("PS100001"), "", "error", 0)
					if got := time.Until(w.state("mp").RetryAt); got != pause || !w.state("mp").Since.Equal(begun) {
						t.Errorf("pause %d is %v, want %v; since %v", i, got, pause, w.state("mp").Since)
					}
					elapse(pause)
				}
				mp.locate = at(0, "a")
				w.wants(t, pkg("PS100001"), "", "a", 0)
				mp.locate = failing(unreachable)
				w.wants(t, pkg("PS100002"), "", "error", 0)
				if got := time.Until(w.state("mp").RetryAt); got != c.want[0] {
					t.Errorf("the pause after an answer is %v, want %v", got, c.want[0])
				}
			})
		})
	}
}

// TestManyFailuresAreOne checks that questions that fail together count as one failure, and that a late answer to one of them
// is a proof.
func TestManyFailuresAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			if c.ID == "PS1LATE0" {
				return at(5*time.Second, "a")(nil, c)
			}
			<-time.After(time.Second)
			return ccm.Locations{}, problem(unreachable)
		}}
		w := newWorld(t, Config{}, mp)
		var all sync.WaitGroup
		all.Go(func() { w.wants(t, pkg("PS1LATE0"), "", "a", 5*time.Second) })
		for _, id := range []string{"PS100001", "PS100002", "PS100003", "PS100004"} {
			all.Go(func() { w.wants(t, pkg(id), "", "error", time.Second) })
		}
		elapse(time.Second)
		if got := time.Until(w.state("mp").RetryAt); got != 30*time.Second {
			t.Errorf("the pause is %v, want 30s", got)
		}
		all.Wait()
		if got := w.state("mp"); got.State != "ok" || !got.RetryAt.IsZero() {
			t.Errorf("after a late answer the status is %+v", got)
		}
	})
}

// TestAtOnce checks that a way is not flooded.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(time.Second, "a")}
		w := newWorld(t, Config{}, mp)
		var all sync.WaitGroup
		for i := range 10 * atOnce[locating] {
			all.Go(func() {
				w.wants(t, ccm.Content{Kind: ccm.Package, ID: "PS100001", Version: i + 1}, "", "a", 10*time.Second)
			})
		}
		all.Wait()
		if n := mp.mostAtOnce(); n != atOnce[locating] {
			t.Errorf("%d questions at once, want %d", n, atOnce[locating])
		}
	})
}

// TestLateFailure checks that the failure of a question that was asked long ago does not count against a way that has come
// back since.
func TestLateFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{}
		mp.locate = func(_ context.Context, c ccm.Content) (ccm.Locations, error) {
			if c.ID == "PS1LATE0" {
				<-time.After(50 * time.Second)
			}
			return ccm.Locations{}, problem(unreachable)
		}
		w := newWorld(t, Config{}, mp)
		var late sync.WaitGroup
		late.Go(func() { w.wants(t, pkg("PS1LATE0"), "", "error", 50*time.Second) })
		synctest.Wait()
		w.wants(t, pkg("PS100001"), "", "error", 0)
		elapse(30 * time.Second)
		mp.locate = at(0, "a")
		w.wants(t, pkg("PS100001"), "", "a", 0)
		late.Wait()
		if got := w.state("mp"); got.State != "ok" || !got.RetryAt.IsZero() {
			t.Errorf("the status is %+v", got)
		}
	})
}

// TestLookingMakesNoPauseLonger: a server that was away for hours is found back as soon as one that was away for a minute.
func TestLookingMakesNoPauseLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: failing(unreachable)}
		mp.confirm = func(context.Context) (ccm.Registration, error) { return ccm.Registration{}, problem(unreachable) }
		w := newWorld(t, Config{}, mp)
		w.wants(t, pkg("PS100001"), "", "error", 0)
		for range 600 {
			elapse(10 * time.Second)
			w.Check(t.Context())
		}
		if n := mp.count("confirm"); n > 200 {
			t.Errorf("it was asked %d times in 100 minutes", n)
		}
		mp.confirm, mp.locate = inOrder, at(0, "dp")
		elapse(defaultRetry)
		w.wants(t, pkg("PS100001"), "", "dp", 0)
	})
}
