package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// listOf is a list of files below a URL, each 10 bytes long, with a signature.
func listOf(below string, paths ...string) string {
	var b strings.Builder
	b.WriteString("<M>")
	for _, p := range paths {
		fmt.Fprintf(&b, `<File Path="%s" Size="10" Url="%s?sig=%s"/>`, p, below+p, canary)
	}
	return b.String() + "</M>"
}

// clouds are cloud distribution points without a network, which synctest needs.
type clouds struct {
	mu    sync.Mutex
	asked map[string]int // by host
	// serve answers a request that shows a token. An error is a broken line.
	serve func(ctx context.Context, host, token, query string) (status int, body string, err error)
}

func (c *clouds) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[r.URL.Host]++
	c.mu.Unlock()
	status, body, err := c.serve(r.Context(), r.URL.Host, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader([]byte(body))), Header: http.Header{}}, nil
}

func (c *clouds) count(host string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[host]
}

func manifests(t testing.TB, transport http.RoundTripper) *ccm.Manifests {
	t.Helper()
	if transport == nil {
		transport = &clouds{}
	}
	m, err := ccm.NewManifests(ccm.ManifestsConfig{Transport: transport})
	must(t, err)
	return m
}

// onClouds locates every content on those cloud distribution points, with a token "t-<host>-<n>" of the n-th answer and the
// query "q=<n>".
func onClouds(t *testing.T, hosts ...string) func(context.Context, ccm.Content) (ccm.Locations, error) {
	n := 0
	return func(_ context.Context, c ccm.Content) (found ccm.Locations, err error) {
		n++
		for _, h := range hosts {
			l := inCloudAt(t, h, fmt.Sprintf("cid=%s&q=%d", c.ID, n))
			l.Token = tokenOf(t, fmt.Sprintf("t-%s-%d", h, n), time.Hour)
			found.List = append(found.List, l)
		}
		return found, nil
	}
}

func paths(files []ccm.CloudFile) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Path)
	}
	return strings.Join(all, " ")
}

// TestList checks with what a cloud distribution point is asked, and what becomes of refusals.
func TestList(t *testing.T) {
	files := listOf("https://store/c/", "a", "b/c")
	usual := func(_ context.Context, host, token, query string) (int, string, error) { return 200, files, nil }
	for _, c := range []struct {
		name    string
		serve   func(ctx context.Context, host, token, query string) (int, string, error)
		want    string // "" is an error
		is      error
		asked   int
		located int
	}{
		{"usual", func(_ context.Context, _, token, query string) (int, string, error) {
			if token != "t-cloud-1" || query != "cid=PS100001&q=1" {
				return 500, "", nil
			}
			return 200, files, nil
		}, "a b/c", nil, 1, 1},
		{"token refused once", func(_ context.Context, _, token, _ string) (int, string, error) {
			if token != "t-cloud-2" {
				return 401, "", nil
			}
			return 200, files, nil
		}, "a b/c", nil, 2, 2},
		{"query over", func(_ context.Context, _, _, query string) (int, string, error) {
			if query != "cid=PS100001&q=2" {
				return 400, "", nil
			}
			return 200, files, nil
		}, "a b/c", nil, 2, 2},
		{"refused for ever", func(context.Context, string, string, string) (int, string, error) { return 403, canary, nil }, "", ccm.ErrForbidden, 2, 2},
		{"away", func(context.Context, string, string, string) (int, string, error) { return 0, "", errors.New(canary) }, "", ccm.ErrUnreachable, 1, 1},
		{"broken", func(context.Context, string, string, string) (int, string, error) { return 503, "", nil }, "", ccm.ErrServer, 1, 1},
		{"another schema", func(context.Context, string, string, string) (int, string, error) {
			return 200, "<M><Blob X='" + canary + "'/></M>", nil
		}, "", ccm.ErrProtocol, 1, 1},
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
				if c.name == "another schema" && !slices.Equal(w.Status().UnknownNames, []string{"M/Blob", "M/Blob/@X"}) {
					t.Errorf("the names are %q", w.Status().UnknownNames)
				}
				if c.name != "away" {
					return
				}
				if _, err := w.List(t.Context(), found.List[0]); err == nil || service.count("cloud") != 1 {
					t.Errorf("a host that failed a moment ago is asked again (%v)", err)
				}
				service.serve = usual
				elapse(defaultRetry)
				if got, err := w.List(t.Context(), found.List[0]); paths(got) != "a b/c" {
					t.Errorf("listed %q (%v) when it came back", paths(got), err)
				}
			})
		})
	}
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

// TestElsewhere checks where a blob is found that a client's list has named.
func TestElsewhere(t *testing.T) {
	byHost := func(answers map[string]string) func(context.Context, string, string, string) (int, string, error) {
		return func(ctx context.Context, host, token, _ string) (int, string, error) {
			switch body := answers[host]; {
			case body == "silent":
				<-ctx.Done()
				return 0, "", ctx.Err()
			case body == "":
				return 0, "", errors.New("no line")
			case !strings.HasPrefix(token, "t-"+host):
				return 401, "", nil
			default:
				return 200, body, nil
			}
		}
	}
	blob := BlobName{Host: "Store1:443", Path: "/c/lang%2Fsetup.exe", Size: 10}
	at1, at2 := listOf("https://store1/c/", "lang/setup.exe", "b"), listOf("https://store2/d/", "Lang/Setup.exe", "b")
	longer := strings.ReplaceAll(at2, `Size="10"`, `Size="11"`)
	for _, c := range []struct {
		name    string
		answers map[string]string
		blob    BlobName
		locate  func(context.Context, ccm.Content) (ccm.Locations, error)
		want    string
		is      error
		within  time.Duration
	}{
		{"elsewhere and there", map[string]string{"cloud1": at1, "cloud2": at2}, blob, nil, "https://store2/d/Lang/Setup.exe https://store1/c/lang/setup.exe", nil, 0},
		{"the first is away", map[string]string{"cloud2": at2}, blob, nil, "https://store2/d/Lang/Setup.exe", nil, 0},
		{"the first is silent", map[string]string{"cloud1": "silent", "cloud2": at2}, blob, nil, "https://store2/d/Lang/Setup.exe", nil, straggle},
		{"all are away", nil, blob, nil, "", ccm.ErrUnreachable, 0},
		{"size not known", map[string]string{"cloud2": at2}, BlobName{blob.Host, blob.Path, -1}, nil, "https://store2/d/Lang/Setup.exe", nil, 0},
		{"another size elsewhere", map[string]string{"cloud1": at1, "cloud2": longer}, blob, nil, "https://store1/c/lang/setup.exe", nil, 0},
		{"another size here", map[string]string{"cloud1": at1}, BlobName{blob.Host, blob.Path, 11}, nil, "", nil, 0},
		{"another blob", map[string]string{"cloud1": at1}, BlobName{blob.Host, "/c/Lang/setup.exe", 10}, nil, "", nil, 0},
		{"the site does not know us", map[string]string{"cloud1": at1}, blob, failing(ccm.ErrGateway), "", ccm.ErrGateway, 0},
		{"no cloud", map[string]string{"cloud1": at1}, blob, at(0, "dp1"), "", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mp := &fake{locate: onClouds(t, "cloud1", "cloud2")}
				if c.locate != nil {
					mp.locate = c.locate
				}
				w := newWorld(t, Config{Manifests: manifests(t, &clouds{serve: byHost(c.answers)})}, mp)
				w.ListPassed("cloud1", "/x?cid=PS100001.1", []byte(at1))
				begun := time.Now()
				got, err := w.Elsewhere(t.Context(), c.blob)
				var urls []string
				for _, u := range got {
					urls = append(urls, strings.TrimSuffix(u.Reveal(), "?sig="+canary))
				}
				if strings.Join(urls, " ") != c.want || (err == nil) != (c.want != "") || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("found %q (%v), want %q and %v", urls, err, c.want, c.is)
				}
				if err != nil && (!errors.Is(err, tokenbroker.ErrUnavailable) || strings.Contains(err.Error(), canary)) {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(begun); took > c.within {
					t.Errorf("it took %v, want %v", took, c.within)
				}
				if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, canary) {
					t.Errorf("the URLs print as %s", text)
				}
			})
		})
	}
}

// TestElsewhereComesBack checks a gateway that cannot authenticate us: that is a failure like others, and over when it is.
func TestElsewhereComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &clouds{serve: func(context.Context, string, string, string) (int, string, error) {
			return 200, listOf("https://store2/d/", "a"), nil
		}}
		mp := &fake{locate: failing(ccm.ErrGateway)}
		w := newWorld(t, Config{Manifests: manifests(t, service)}, mp)
		w.ListPassed("cloud1", "/x?cid=PS100001.1", []byte(listOf("https://store1/c/", "a")))
		for range 3 {
			if _, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10}); !errors.Is(err, ccm.ErrGateway) {
				t.Errorf("got %v", err)
			}
		}
		if mp.count("locate") != 1 || w.state("mp").State != "gateway-refused" {
			t.Errorf("asked %d times, and the status is %+v", mp.count("locate"), w.state("mp"))
		}
		mp.locate = onClouds(t, "cloud2")
		elapse(defaultRetry)
		for range 3 {
			if got, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10}); err != nil || len(got) != 1 {
				t.Errorf("got %v (%v)", got, err)
			}
		}
		if mp.count("locate") != 2 || service.count("cloud2") != 1 {
			t.Errorf("asked %d times, and for %d lists, want 2 and 1", mp.count("locate"), service.count("cloud2"))
		}
	})
}

// TestLists checks by random operations against a naive model what is kept, and that it stays within its bounds.
func TestLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, random := newLists(), randomOf(t)
		var order []listKey // the latest last
		model := map[listKey]list{}
		forget := func(k listKey) {
			delete(model, k)
			order = slices.DeleteFunc(order, func(o listKey) bool { return o == k })
		}
		pool := make([]ccm.CloudFile, maxListed+1)
		for i := range 2000 {
			k := listKey{url: fmt.Sprint(random.IntN(2 * maxLists))}
			switch random.IntN(3) {
			case 0:
				n := 1 + random.IntN(100)
				if random.IntN(30) == 0 {
					n = []int{maxListed / 2, maxListed, maxListed + 1}[random.IntN(3)]
				}
				l.put(k, pool[:n], time.Now())
				if n > maxListed {
					break
				}
				forget(k)
				for total := n; ; {
					total = n
					for _, one := range model {
						total += len(one.files)
					}
					if total <= maxListed && len(model) < maxLists {
						break
					}
					forget(order[0])
				}
				model[k] = list{pool[:n], time.Now().Add(listAge)}
				order = append(order, k)
			case 1:
				got, ok := l.get(k, time.Now())
				want, had := model[k]
				had = had && time.Now().Before(want.until)
				if ok != had || ok && len(got) != len(want.files) {
					t.Fatalf("step %d: %d files, %v, want %d, %v", i, len(got), ok, len(want.files), had)
				}
				forget(k)
				if had {
					model[k] = want
					order = append(order, k)
				}
			case 2:
				elapse(time.Duration(random.IntN(10)) * time.Second)
			}
			if l.files > maxListed || l.kept.Len() > maxLists || l.files < 0 {
				t.Fatalf("step %d: %d files in %d lists", i, l.files, l.kept.Len())
			}
		}
	})
}

func TestSASTime(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-02T03:04:05Z": "2024-01-02T03:04:05Z", "2024-01-02T03:04Z": "2024-01-02T03:04:00Z", "2024-01-02": "2024-01-02T00:00:00Z",
		"2024-01-02T03:04:05.6789Z": "2024-01-02T03:04:05Z", "": "0001-01-01T00:00:00Z", "soon": "0001-01-01T00:00:00Z",
	} {
		if got := sasTime(text).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%q ends at %s, want %s", text, got, want)
		}
	}
}
