package site

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"branchpoint/tokenbroker/ccm"
)

func randomOf(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// passingReply is an answer about a content with a location and a token.
func passingReply(url, token string) string {
	return `<ContentLocationReply SchemaVersion="1.00" DPToken="` + token + `"><Sites><Site><MPSite SiteCode="PS1" SiteLocality="LOCAL"/><LocationRecords>` +
		`<LocationRecord><URL Name="` + strings.ReplaceAll(url, "&", "&amp;") + `"/><Capabilities><Property Name="AuthMethod" Value="1024"/></Capabilities><Locality>LOCAL</Locality></LocationRecord>` +
		`</LocationRecords></Site></Sites></ContentLocationReply>`
}

func replyReader(t testing.TB) *ccm.ReplyReader {
	t.Helper()
	reader, err := ccm.NewReplyReader(ccm.LocationSettings{}, ccm.DPTokenSettings{})
	must(t, err)
	return reader
}

// TestPassed checks how what passes by stands beside what was asked.
func TestPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: at(0, "dp1")}
		w := newWorld(t, Config{Replies: replyReader(t)}, mp)
		w.Passed(pkg("ps100001"), passingReply("https://dp9/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001", canary), true, false)
		w.Passed(pkg("PS100002"), "<Other/>", true, false)
		w.Passed(pkg("PS100003"), canary, true, false)
		known := func(id, want string) {
			t.Helper()
			if list, _ := w.Known(pkg(id)); located(list) != want {
				t.Errorf("known of %s is %q, want %q", id, located(list), want)
			}
		}
		known("PS100001", "dp9")
		known("PS100002", "")
		known("PS100003", "")
		w.wants(t, pkg("PS100001"), "", "dp1", 0) // it was asked, although something has just passed by
		known("PS100001", "dp1 dp9")
		mp.locate = failing(unreachable)
		w.Passed(pkg("PS100004"), passingReply("https://dp8/x", canary), false, false)
		w.wants(t, pkg("PS100004"), "mp", "error", 0)
		w.wants(t, pkg("PS100004"), "", "dp8", 0) // as the last resort
		if names := w.Status().UnknownNames; len(names) != 1 || names[0] != "ContentLocationReply/@DPToken" {
			t.Errorf("the unknown names are %q", names)
		}
		if n := strings.Count(w.log.String(), "ContentLocationReply/@DPToken"); n != 1 {
			t.Errorf("an unknown name is logged %d times, want once", n)
		}
	})
}

// TestPassedIsOff checks that nothing is read without readers.
func TestPassedIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, &fake{})
		w.Passed(pkg("PS100001"), passingReply("https://dp9/x", canary), true, false)
		w.ListPassed("cloud", "/x?cid=PS100001.1", []byte(listOf("https://store/c/", "a")))
		if w.Status().Contents != 0 || w.index.blobs.Len() != 0 {
			t.Error("something was read")
		}
	})
}

// TestPassedQueries checks that the signed query of a client's cloud location is kept only where it may be used, and that its
// content is known by it all the same.
func TestPassedQueries(t *testing.T) {
	for _, tokens := range []bool{true, false} {
		t.Run(fmt.Sprint(tokens), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Replies: replyReader(t)}, &fake{})
				target := "https://cloud.example.org/downloadrestservice.svc/getcontentxmlsecure?pid=PS100001&cid=PS100001&sig=" + canary
				w.Passed(pkg("PS100001"), passingReply(target, canary), tokens, false)
				list, _ := w.Known(pkg("PS100001"))
				if len(list) != 1 || !list[0].Cloud || list[0].Query.IsZero() == tokens {
					t.Errorf("known is %v", list)
				}
				if c, ok := w.requested(target); !ok || c != pkg("PS100001") {
					t.Errorf("the content is %+v, %v", c, ok)
				}
				if _, ok := w.index.content("https://cloud.example.org/downloadrestservice.svc/getcontentxmlsecure"); ok {
					t.Error("without its query a URL is for no content")
				}
			})
		})
	}
}

// TestRequested checks by what the content of a request for a list is known, and which version of it the site is asked for.
func TestRequested(t *testing.T) {
	const guid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Replies: replyReader(t)}, &fake{})
		for _, version := range []int{2, 7, 3} {
			w.Passed(ccm.Content{Kind: ccm.Package, ID: "PS100001", Version: version}, passingReply("http://dp/x", "x"), false, false)
		}
		w.Passed(ccm.Content{Kind: ccm.Application, ID: "Content_" + guid, Version: 4}, passingReply("https://c/downloadrestservice.svc/x?st=2024-01-01T00:00:00&b=2", "x"), false, false)
		for _, c := range []struct {
			target string
			want   string // "" is unknown
		}{
			{"https://cloud/x?pid=PS100001&cid=PS100001", "PS100001.7"},
			{"https://cloud/x?cid=ps100001", "PS100001.7"},
			{"https://cloud/x?cid=PS100001.2", "PS100001.2"},
			{"https://cloud/x?cid=PS100002", "PS100002.1"},
			{"https://cloud/x?cid=PS100002.5", "PS100002.5"},
			{"https://cloud/x?cid=Content_" + strings.ToUpper(guid), "Content_" + strings.ToUpper(guid) + ".4"},
			{"https://cloud/x?cid=" + guid, "UID:" + guid + ".1"},
			{"https://cloud/x", ""},
			{"https://cloud/x?cid=../x", ""},
			{"https://C:443/DownloadRestService.svc/x?b=2&st=2024-01-01T00%3A00%3A00", "Content_" + guid + ".4"},
			{"://", ""},
		} {
			got, ok := w.requested(c.target)
			if text := fmt.Sprintf("%s.%d", got.ID, w.versioned(got).Version); ok != (c.want != "") || ok && text != c.want {
				t.Errorf("%s asks for %s, %v, want %q", c.target, text, ok, c.want)
			}
		}
	})
}

// FuzzPassed checks that nothing that passes by breaks anything, or makes what is kept grow beyond its bounds.
func FuzzPassed(f *testing.F) {
	f.Add("cloud.example.org:443", "/downloadrestservice.svc/x?cid=PS100001.1", listOf("https://store/c/", "a"), true)
	f.Add("dp", "/?cid=PS100001", passingReply("https://c/downloadrestservice.svc/x?cid=PS100001&sig=x", "t"), true)
	f.Add("%zz", "\x00", passingReply("https://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001", "t"), false)
	s, err := New(Config{Ways: waysOf(&fake{}), SiteAudience: "site", Replies: replyReader(f), Manifests: manifests(f, nil)})
	must(f, err)
	f.Fuzz(func(t *testing.T, host, target, body string, tokens bool) {
		s.Passed(pkg("PS100001"), body, tokens, false)
		s.ListPassed(host, target, []byte(body))
		list, _ := s.Known(pkg("PS100001"))
		status := s.Status()
		if len(list) > maxLocations || status.Contents > 1 || len(status.UnknownNames) > maxNames {
			t.Errorf("%d locations, %d contents, %d names", len(list), status.Contents, len(status.UnknownNames))
		}
		for _, l := range list {
			if !l.Token.IsZero() {
				t.Error("a token is kept where it does not belong")
			}
		}
	})
}
