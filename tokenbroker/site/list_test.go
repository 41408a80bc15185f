package site

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// serving answers every request in the same way.
func serving(status int, body string, err error) func(context.Context, string, string, string) (int, string, error) {
	return func(context.Context, string, string, string) (int, string, error) { return status, body, err }
}

// servingOnly answers requests with that token and query, and others with a status. Empty stands for any.
func servingOnly(token, query, body string, otherwise int) func(context.Context, string, string, string) (int, string, error) {
	return func(_ context.Context, _, gotToken, gotQuery string) (int, string, error) {
		if token != "" && token != gotToken || query != "" && query != gotQuery {
			return otherwise, "", nil
		}
		return 200, body, nil
	}
}

// TestList checks with what a cloud distribution point is asked, and what becomes of refusals.
func TestList(t *testing.T) {
	files := listOf("https://store/c/", "a", "b/c")
	for _, c := range []struct {
		name    string
		serve   func(ctx context.Context, host, token, query string) (int, string, error)
		want    string // "" is an error
		is      error
		asked   int
		located int
	}{
		{"usual", servingOnly("t-cloud-1", "cid=PS100001&q=1", files, 500), "a b/c", nil, 1, 1},
		{"token refused once", servingOnly("t-cloud-2", "", files, 401), "a b/c", nil, 2, 2},
		{"query over", servingOnly("", "cid=PS100001&q=2", files, 400), "a b/c", nil, 2, 2},
		{"refused for ever", serving(403, canary, nil), "", ccm.ErrForbidden, 2, 2},
		{"away", serving(0, "", errors.New(canary)), "", ccm.ErrUnreachable, 1, 1},
		{"broken", serving(503, canary, nil), "", ccm.ErrServer, 1, 1},
		{"another schema", serving(200, "<M><Blob X='"+canary+"'/></M>", nil), "", ccm.ErrProtocol, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &clouds{serve: c.serve}
				mp := &fake{locate: onClouds(t, "cloud")}
				w := newWorld(t, Config{Manifests: manifests(t, service)}, mp)
				found, err := w.Locate(t.Context(), pkg("PS100001"), "")
				must(t, err)
				got, err := w.List(t.Context(), found.List[0])
				if paths(got) != c.want || (err == nil) != (c.want != "") || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("listed %q (%v), want %q and %v", paths(got), err, c.want, c.is)
				}
				if err != nil && (!errors.Is(err, tokenbroker.ErrUnavailable) || strings.Contains(err.Error(), canary)) {
					t.Errorf("the error is %v", err)
				}
				if service.count("cloud") != c.asked || mp.count("locate") != c.located {
					t.Errorf("asked %d times, located %d times, want %d and %d", service.count("cloud"), mp.count("locate"), c.asked, c.located)
				}
			})
		})
	}
}

// TestListOfTheAway checks that a cloud distribution point that failed is left alone, and asked again later.
func TestListOfTheAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &clouds{serve: serving(0, "", errors.New("no line"))}
		w := newWorld(t, Config{Manifests: manifests(t, service)}, &fake{locate: onClouds(t, "cloud")})
		found, err := w.Locate(t.Context(), pkg("PS100001"), "")
		must(t, err)
		for range 3 {
			if _, err := w.List(t.Context(), found.List[0]); !errors.Is(err, ccm.ErrUnreachable) {
				t.Errorf("got %v", err)
			}
		}
		if n := service.count("cloud"); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
		service.serve = serving(200, "<M><Blob/></M>", nil)
		elapse(defaultRetry)
		if _, err := w.List(t.Context(), found.List[0]); !errors.Is(err, ccm.ErrProtocol) {
			t.Errorf("got %v", err)
		}
		service.serve = serving(200, listOf("https://store/c/", "a"), nil)
		if got, err := w.List(t.Context(), found.List[0]); paths(got) != "a" {
			t.Errorf("listed %q (%v) when it came back", paths(got), err)
		}
		if names := w.Status().UnknownNames; !slices.Equal(names, []string{"M/Blob"}) {
			t.Errorf("the names of a list that does not fit are %q", names)
		}
	})
}

// TestListIsKept checks that a list is asked for once for all, and until its first URL is about to end.
func TestListIsKept(t *testing.T) {
	for _, c := range []struct {
		name string
		ends string
		kept time.Duration
	}{
		{"until its URLs end", "?se=2000-01-01T01%3A00%3A00Z&amp;sig=" + canary, time.Hour - endMargin},
		{"without an end", "?sig=" + canary, listAge},
		{"ended", "?se=2000-01-01", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the time begins at 2000-01-01T00:00:00Z
				body := strings.ReplaceAll(listOf("https://store/c/", "a", "b"), "?sig="+canary, "?se=2000-01-02&amp;sig="+canary)
				body = strings.Replace(body, "?se=2000-01-02&amp;sig="+canary, c.ends, 2)
				service := &clouds{serve: func(context.Context, string, string, string) (int, string, error) {
					<-time.After(time.Second)
					return 200, body, nil
				}}
				w := newWorld(t, Config{Manifests: manifests(t, service)}, &fake{locate: onClouds(t, "cloud")})
				found, err := w.Locate(t.Context(), pkg("PS100001"), "")
				must(t, err)
				ask := func(want int) {
					t.Helper()
					var all sync.WaitGroup
					for range 20 {
						all.Go(func() {
							if got, err := w.List(t.Context(), found.List[0]); paths(got) != "a b" {
								t.Errorf("listed %q (%v)", paths(got), err)
							}
						})
					}
					all.Wait()
					if n := service.count("cloud"); n != want {
						t.Errorf("asked %d times after %v, want %d", n, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), want)
					}
				}
				ask(1)
				if c.kept == 0 {
					ask(2)
					return
				}
				begun := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
				if c.name == "without an end" {
					begun = time.Now()
				}
				elapse(time.Until(begun.Add(c.kept)) - 1)
				ask(1)
				elapse(1)
				ask(2)
			})
		})
	}
}

// TestListOfAnUnknownLocation checks a location that was found by somebody else: there is nothing to renew its query by.
func TestListOfAnUnknownLocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &clouds{serve: func(_ context.Context, _, token, query string) (int, string, error) {
			if token != "" {
				return 500, "", nil
			}
			return map[string]int{"a=1": 200, "a=2": 403}[query], listOf("https://store/c/", "a"), nil
		}}
		mp := &fake{}
		w := newWorld(t, Config{Manifests: manifests(t, service)}, mp)
		if got, err := w.List(t.Context(), inCloudAt(t, "cloud", "a=1")); paths(got) != "a" {
			t.Errorf("listed %q (%v)", paths(got), err)
		}
		if _, err := w.List(t.Context(), inCloudAt(t, "cloud", "a=2")); !errors.Is(err, ccm.ErrForbidden) {
			t.Errorf("another query gets %v", err)
		}
		none := ccm.Location{URL: "https://cloud/downloadrestservice.svc/x", Cloud: true}
		for _, l := range []ccm.Location{none, onDP("dp1", pkg("PS100001"))} {
			if _, err := w.List(t.Context(), l); !errors.Is(err, tokenbroker.ErrUnavailable) {
				t.Errorf("%s gets %v", l.URL, err)
			}
		}
		if mp.count("locate") != 0 || service.count("cloud") != 2 {
			t.Errorf("located %d times, asked %d times", mp.count("locate"), service.count("cloud"))
		}
	})
}

// TestRefusedCloudToken checks that a token that a cloud distribution point refused makes way for one that ends sooner.
func TestRefusedCloudToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &clouds{serve: servingOnly("new", "", listOf("https://store/c/", "a"), 401)}
		n := 0
		mp := &fake{locate: func(context.Context, ccm.Content) (ccm.Locations, error) {
			l := inCloudAt(t, "cloud", "a=1")
			l.Token = tokenOf(t, []string{"old", "new"}[min(n, 1)], []time.Duration{8 * time.Hour, time.Hour}[min(n, 1)])
			n++
			return ccm.Locations{List: []ccm.Location{l}}, nil
		}}
		w := newWorld(t, Config{Manifests: manifests(t, service)}, mp)
		found, err := w.Locate(t.Context(), pkg("PS100001"), "")
		must(t, err)
		if got, err := w.List(t.Context(), found.List[0]); paths(got) != "a" || n != 2 {
			t.Errorf("listed %q (%v), located %d times", paths(got), err, n)
		}
		w.gives(t, "mp", "cloud", "new", 0)
	})
}
