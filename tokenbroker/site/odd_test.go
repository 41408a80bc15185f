package site

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// strange is an answer that does not read.
var strange = &ccm.Error{Op: "locate content", Kind: ccm.ErrProtocol, Status: http.StatusOK}

// oddAt answers strangely, or with nothing, for contents whose id begins so, and has a location for all others.
func oddAt(prefix string, odd error) func(context.Context, ccm.Content) (ccm.Locations, error) {
	return func(ctx context.Context, c ccm.Content) (ccm.Locations, error) {
		if strings.HasPrefix(c.ID, prefix) && c.ID != "" {
			return ccm.Locations{}, odd
		}
		return at(0, "dp")(ctx, c)
	}
}

func inOrder(context.Context) (ccm.Registration, error) {
	return ccm.Registration{Approval: ccm.Approved}, nil
}

// TestOneOddContent takes the site from nobody who wants another one.
func TestOneOddContent(t *testing.T) {
	for name, odd := range map[string]error{"strange": strange, "empty": problem(ccm.ErrRefused)} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, asked first %v", name, first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mp := &fake{locate: oddAt("ODD", odd), confirm: inOrder}
					w := newWorld(t, Config{}, mp)
					if !first {
						w.wants(t, pkg("PS100001"), "", "dp", 0)
					}
					for n := range 10 {
						asked := mp.count("locate")
						w.wants(t, pkg("ODD00001"), "", "error", 0)
						if n := mp.count("locate") - asked; n < 1 || n > 2 {
							t.Errorf("it was asked about %d times, want once, and once more about what every site has", n)
						}
						w.wants(t, pkg(fmt.Sprint("PS20000", n)), "", "dp", 0)
						asked = mp.count("locate")
						w.wants(t, pkg("odd00001"), "", "error", 0)
						if mp.count("locate") != asked {
							t.Error("it was asked about again at once")
						}
						elapse(recent)
					}
					if got := w.state("mp"); got.State != "ok" || got.LastError == "" || !got.RetryAt.IsZero() {
						t.Errorf("the status is %+v", got)
					}
				})
			})
		}
	}
}

// TestManyOddContents: whoever makes up a thousand of them takes it from nobody either.
func TestManyOddContents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: oddAt("ODD", strange)}
		w := newWorld(t, Config{}, mp)
		w.wants(t, pkg("PS100001"), "", "dp", 0)
		for n := range 1000 {
			w.wants(t, pkg(fmt.Sprint("ODD", n)), "", "error", 0)
			if n%100 == 0 {
				w.wants(t, pkg(fmt.Sprint("PS2", n)), "", "dp", 0)
			}
		}
		if n := mp.count("locate"); n > 1000*4/3+20 {
			t.Errorf("%d questions", n)
		}
	})
}

// TestAnOddWay is left alone like one that fails: at once, when it has never worked, and else after a few contents.
func TestAnOddWay(t *testing.T) {
	for _, worked := range []bool{true, false} {
		t.Run(fmt.Sprintf("it worked before %v", worked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp := &fake{locate: at(0, "dp")}
				w := newWorld(t, Config{}, mp)
				limit := 2
				if worked {
					w.wants(t, pkg("PS100001"), "", "dp", 0)
					limit = 2 + manyOdd
				}
				mp.locate = func(context.Context, ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, strange }
				for n := range 50 {
					w.wants(t, pkg(fmt.Sprint("PS2", n)), "", "error", 0)
				}
				if got := w.state("mp"); got.State != "strange-answer" || got.RetryAt.IsZero() || mp.count("locate") > limit {
					t.Errorf("the status is %+v after %d questions", got, mp.count("locate"))
				}
				mp.locate = at(0, "dp")
				elapse(time.Minute)
				w.wants(t, pkg("PS100002"), "", "dp", 0)
			})
		})
	}
}

// TestATokenPastAnOddContent: the one that somebody just wanted is no reason that there is no token.
func TestATokenPastAnOddContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := issuing(t, "m", time.Hour, 0)
		mp := &fake{locate: oddAt("ODD", strange)}
		mp.token = func(ctx context.Context, c ccm.Content) (ccm.Token, error) {
			if c.ID != "" {
				return ccm.Token{}, strange
			}
			return good(ctx, c)
		}
		w := newWorld(t, Config{}, mp)
		w.wants(t, pkg("PS100001"), "", "dp", 0)
		w.wants(t, pkg("ODD00001"), "", "error", 0)
		got, err := w.Source("mp").Token(t.Context(), "site")
		must(t, err)
		if got.Fingerprint() == "" {
			t.Error("there is no token")
		}
	})
}

// TestAFloodOfContents: clients that ask for a thousand contents and leave keep nobody from a token, and the site is asked about few.
func TestAFloodOfContents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 2 * time.Second
		mp := &fake{locate: at(slow, "dp"), token: issuing(t, "m", time.Hour, slow)}
		w := newWorld(t, Config{}, mp)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		for n := range 1000 {
			go func() { _, _ = w.Locate(ctx, pkg(fmt.Sprint("PS1", n)), "") }()
		}
		synctest.Wait()
		begun := time.Now()
		if _, err := w.Source("mp").Token(t.Context(), "site"); err != nil || time.Since(begun) > slow {
			t.Errorf("a token after %v: %v", time.Since(begun), err)
		}
		w.wants(t, pkg("PS200001"), "", "dp", 2*slow)
		if n := mp.count("locate"); n != atOnce[locating]+1 {
			t.Errorf("the site was asked about %d contents, and nobody waited for more than one", n)
		}
	})
}

// TestWhoComesLaterIsServed: a question that nobody waited for when its turn came is put for the next one who asks it.
func TestWhoComesLaterIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(5*time.Second, "dp")}
		w := newWorld(t, Config{}, mp)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		for n := range atOnce[locating] + 1 {
			go func() { _, _ = w.Locate(ctx, pkg(fmt.Sprint("PS1", n)), "") }()
		}
		elapse(2 * time.Second)
		for n := range atOnce[locating] + 1 { // those under way are joined, and the other one too before its turn
			go w.wants(t, pkg(fmt.Sprint("PS1", n)), "", "dp", 10*time.Second)
		}
		elapse(20 * time.Second)
		if n := mp.count("locate"); n != atOnce[locating]+1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestAnOddTokenService: where tokens are another service's, what that says is not held against where contents are, nor against those
// that it was asked with. It is asked again in a while.
func TestAnOddTokenService(t *testing.T) {
	for name, odd := range map[string]error{"strange": strange, "empty": problem(ccm.ErrRefused)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp := &fake{locate: at(0, "dp"), confirm: inOrder, token: func(context.Context, ccm.Content) (ccm.Token, error) { return ccm.Token{}, odd }}
				w := newWorld(t, Config{}, mp)
				for n := range 600 {
					w.wants(t, pkg(fmt.Sprint("PS1", n)), "", "dp", 0)
					w.gives(t, "mp", "site", "", 0)
					elapse(time.Second)
				}
				if got := w.state("mp"); got.State != "ok" || got.TokenError == "" {
					t.Errorf("the status is %+v", got)
				}
				if n := mp.count("token"); n > 3*600/30 {
					t.Errorf("asked %d times for a token in ten minutes", n)
				}
				mp.token = issuing(t, "m", time.Hour, 0)
				elapse(missingHold)
				w.gives(t, "mp", "site", "m1", 0)
			})
		})
	}
}
