package site

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// byHost answers with a list by the host that was asked, if the token is for it: "" is a broken line, "silent" no answer.
func byHost(answers map[string]string) func(context.Context, string, string, string) (int, string, error) {
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

// TestElsewhere checks where a blob is found that a client's list has named.
func TestElsewhere(t *testing.T) {
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
		{"another file beside it elsewhere", map[string]string{"cloud1": at1, "cloud2": listOf("https://store2/d/", "lang/setup.exe", "b", "c")}, blob, nil, "https://store1/c/lang/setup.exe", nil, 0},
		{"in another order elsewhere", map[string]string{"cloud2": listOf("https://store2/d/", "b", "lang/setup.exe")}, blob, nil, "https://store2/d/lang/setup.exe", nil, 0},
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

// TestElsewhereWithWhatPassed checks that a client's own query and token serve a machine whom the site does not answer, and
// nobody where they may not be used.
func TestElsewhereWithWhatPassed(t *testing.T) {
	for _, tokens := range []bool{true, false} {
		t.Run(fmt.Sprint(tokens), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &clouds{serve: servingOnly(canary, "cid=PS100001&sig="+canary, listOf("https://store2/d/", "a"), 403)}
				mp := &fake{locate: failing(unreachable)}
				w := newWorld(t, Config{Manifests: manifests(t, service), Replies: replyReader(t)}, mp)
				w.Passed(pkg("PS100001"), passingReply("https://cloud2/downloadrestservice.svc/x?cid=PS100001&sig="+canary, canary), tokens, false)
				w.ListPassed("cloud1", "/x?cid=PS100001", []byte(listOf("https://store1/c/", "a")))
				got, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10})
				if (len(got) == 1) != tokens || (err == nil) != tokens {
					t.Errorf("found %d URLs (%v)", len(got), err)
				}
				if n := service.count("cloud2"); n != map[bool]int{true: 1, false: 0}[tokens] {
					t.Errorf("the cloud was asked %d times", n)
				}
			})
		})
	}
}

// TestElsewhereIsBounded checks that one blob does not set a whole hierarchy to work.
func TestElsewhereIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		for i := range 2 * maxElsewhere {
			hosts = append(hosts, fmt.Sprint("cloud", i))
		}
		service := &clouds{serve: serving(404, "", nil)}
		w := newWorld(t, Config{Manifests: manifests(t, service)}, &fake{locate: onClouds(t, hosts...)})
		w.ListPassed("cloud0", "/x?cid=PS100001.1", []byte(listOf("https://store1/c/", "a")))
		if _, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10}); !errors.Is(err, ccm.ErrProtocol) {
			t.Errorf("got %v", err)
		}
		asked := 0
		for _, h := range hosts {
			asked += service.count(h)
		}
		if asked != maxElsewhere {
			t.Errorf("%d were asked, want %d", asked, maxElsewhere)
		}
	})
}

// TestElsewhereOfSomeVersion checks which version the site is asked for when the list's URL, as those of packages, did not tell it.
func TestElsewhereOfSomeVersion(t *testing.T) {
	for _, c := range []struct {
		cid   string
		known []int // versions, from answers that passed by
		want  int
	}{
		{"PS100001", nil, 1},
		{"PS100001", []int{2, 7, 3}, 7},
		{"PS100001.2", []int{2, 7, 3}, 2},
	} {
		t.Run(fmt.Sprint(c.cid, c.known), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []int
				locate := onClouds(t, "cloud2")
				mp := &fake{locate: func(ctx context.Context, content ccm.Content) (ccm.Locations, error) {
					asked = append(asked, content.Version)
					return locate(ctx, content)
				}}
				service := &clouds{serve: byHost(map[string]string{"cloud2": listOf("https://store2/d/", "a")})}
				w := newWorld(t, Config{Manifests: manifests(t, service), Replies: replyReader(t)}, mp)
				w.ListPassed("cloud1", "/x?cid="+c.cid, []byte(listOf("https://store1/c/", "a")))
				for _, v := range c.known {
					w.Passed(ccm.Content{Kind: ccm.Package, ID: "PS100001", Version: v}, passingReply("http://dp/x", "x"), false, false)
				}
				got, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10})
				if err != nil || len(got) != 1 || len(asked) != 1 || asked[0] != c.want {
					t.Errorf("found %d (%v), and version %v was asked for, want %d", len(got), err, asked, c.want)
				}
			})
		})
	}
}

// TestTrust checks whose word counts about where the cloud is: over plain HTTP only that about hosts that are trusted. Nothing is
// had from others, and no token goes there.
func TestTrust(t *testing.T) {
	for _, c := range []struct {
		name   string
		secure bool
		want   int // URLs
	}{
		{"over TLS", true, 2},
		{"over plain HTTP", false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &clouds{serve: byHost(map[string]string{
					"cloud1": listOf("https://store1/c/", "a"), "evil": listOf("https://evil/d/", "a"),
				})}
				config := Config{
					Manifests: manifests(t, service), Replies: replyReader(t),
					Trusted: func(l ccm.Location) bool { return hostOf(l.URL) == "cloud1" },
				}
				w := newWorldOf(t, config, []Way{{Name: "mp", Secure: c.secure, Client: &fake{locate: onClouds(t, "cloud1", "evil")}}})
				w.ListPassed("cloud1", "/x?cid=PS100001.1", []byte(listOf("https://store1/c/", "a")))
				got, err := w.Elsewhere(t.Context(), BlobName{"store1", "/c/a", 10})
				if err != nil || len(got) != c.want || service.count("evil") != c.want-1 {
					t.Errorf("found %d URLs (%v), want %d; the other host was asked %d times", len(got), err, c.want, service.count("evil"))
				}
				w.wants(t, pkg("PS100001"), "", strings.Join([]string{"cloud1", "evil"}[:c.want], " "), 0)
				w.Passed(pkg("PS100002"), passingReply("https://evil/downloadrestservice.svc/x?cid=PS100002", canary), true, c.secure)
				if list, _ := w.Known(pkg("PS100002")); len(list) != c.want-1 {
					t.Errorf("known is %v", list)
				}
			})
		})
	}
}
