package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestShapeOf(t *testing.T) {
	for value, want := range map[string]LearnedShape{
		"":                                       {"", false, "under 64 bytes"},
		"abc":                                    {"", false, "under 64 bytes"},
		"  abc  ":                                {"", false, "under 64 bytes"},
		"Bearer abc":                             {"Bearer", false, "under 64 bytes"},
		"bEARER   abc":                           {"Bearer", false, "under 64 bytes"},
		"Bearer":                                 {"", false, "under 64 bytes"},
		"Bearer eyJhbGciOi.eyJz.x_":              {"Bearer", true, "under 64 bytes"},
		"eyJhbGciOi.eyJz.":                       {"", true, "under 64 bytes"}, // not signed
		"eyJhbGciOi.eyJz":                        {"", false, "under 64 bytes"},
		"eyJhbGciOi..x":                          {"", false, "under 64 bytes"},
		"eyJ a.b.c":                              {"other", false, "under 64 bytes"},
		"eyJa.b.c.d":                             {"", false, "under 64 bytes"},
		"eyJa.b+.c":                              {"", false, "under 64 bytes"},
		"Sesame abc":                             {"other", false, "under 64 bytes"},
		"a, b":                                   {"", false, "under 64 bytes"}, // "a," is no scheme
		strings.Repeat("x", 64):                  {"", false, "64 to 1023 bytes"},
		"NTLM " + strings.Repeat("x", 1023):      {"NTLM", false, "64 to 1023 bytes"},
		"Negotiate " + strings.Repeat("x", 1024): {"Negotiate", false, "1024 bytes or more"},
	} {
		if got := shapeOf(value); got != want {
			t.Errorf("shapeOf(%.40q) = %+v, want %+v", value, got, want)
		}
	}
}

// FuzzShapeOf: whatever a value is, its shape is made of words that were here before.
func FuzzShapeOf(f *testing.F) {
	for _, value := range []string{"", "Bearer x", "other", "x y z", "eyJa.b.c", "\x00", "ö ß"} {
		f.Add(value)
	}
	words := append(schemes[:], "", OtherScheme)
	sizes := []string{"under 64 bytes", "64 to 1023 bytes", "1024 bytes or more"}
	f.Fuzz(func(t *testing.T, value string) {
		if s := shapeOf(value); !slices.Contains(words, s.Scheme) || !slices.Contains(sizes, s.Size) {
			t.Errorf("shapeOf(%q) = %+v", value, s)
		}
	})
}

func TestStandardHeaders(t *testing.T) {
	for name, want := range map[string]bool{
		"User-Agent": true, "If-Unmodified-Since": true, "X-P2P-PeerDist": true, "X-P2P-PeerDistEx": true, "BITS-Session-Id": true,
		"Translate": true, "Depth": true, "X-Forwarded-For": true, "Proxy-Connection": true,
		"Authorization": false, "Cookie": false, "X-Example-Token": false, "CCM-Token": false, "X-Bits": false,
	} {
		if got := isStandardHeader(http.CanonicalHeaderKey(name)); got != want {
			t.Errorf("%s is standard: %v, want %v", name, got, want)
		}
	}
}

func TestTakesToken(t *testing.T) {
	for target, want := range map[string]bool{
		"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a":            true,
		"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015":                    true, // PROPFIND
		"/ccmtokenauth_sms_dp_smspkg%24/":                          true,
		"/CCMTOKENAUTH_SMS_DP_SMSSIG$/PS100015.3.tar":              true,
		"http://dp1/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015":          true,
		"/SMS_DP_SMSPKG$/PS100015/sccm?/a":                         false,
		"/NOCERT_SMS_DP_SMSPKG$/PS100015":                          false,
		"/x/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015":                  false,
		"/downloadrestservice.svc/getcontentxmlsecure?pid=1&cid=2": true,
		"/DownloadRestService.svc/GetContentXmlSecure":             true,
		"/?/downloadrestservice.svc/getcontentxmlsecure":           false,
		"/ccm_system/request":                                      false,
		"/":                                                        false, "*": false,
	} {
		r := httptest.NewRequest("GET", "http://dp1/", nil)
		r.RequestURI = target
		if got := takesToken(r); got != want {
			t.Errorf("%s takes tokens: %v, want %v", target, got, want)
		}
	}
}

// TestLearnerIsBounded: many hosts, many headers, long names and many shapes cost no more than was said.
func TestLearnerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l learner
		ask := func(host string, header http.Header) {
			r := httptest.NewRequest("GET", "http://"+host+"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015", nil)
			r.Header = header
			l.note(&exchange{}, r)
			time.Sleep(time.Second) // of a clock of its own
		}
		many := http.Header{strings.Repeat("L", maxLearnedName+1): {"x"}}
		for i := range maxLearnedNames + 10 {
			many[fmt.Sprint("X-", i)] = []string{"x"}
		}
		begun := time.Now()
		ask("first", many)
		for i := range maxLearnedHosts {
			ask(fmt.Sprint("dp", i), http.Header{"X-Token": {"a", "Bearer b", "Sesame c", "eyJa.b.c", "NTLM d", "Digest e"}})
			ask("first", http.Header{})
		}
		list := l.list()
		gone := slices.IndexFunc(list, func(h LearnedHost) bool { return h.Host == "dp0:80" }) < 0
		if len(list) != maxLearnedHosts || list[len(list)-1].Host != "first:80" || !gone {
			t.Fatalf("%d hosts up to %s; want %d without dp0, which was not asked for the longest time", len(list), list[len(list)-1].Host,
				maxLearnedHosts)
		}
		first, dp := list[len(list)-1], list[0]
		if len(first.Headers) != maxLearnedNames || first.Unlisted != 11 || first.Requests != maxLearnedHosts+1 ||
			!first.FirstSeen.Equal(begun) || first.LastSeen.Sub(begun) != 2*maxLearnedHosts*time.Second {
			t.Errorf("the first host: %d headers, %d unlisted, %d requests from %v to %v", len(first.Headers), first.Unlisted, first.Requests,
				first.FirstSeen, first.LastSeen)
		}
		if len(dp.Headers) != 1 || len(dp.Headers[0].Shapes) != maxLearnedShapes || dp.Headers[0].Requests != 1 || dp.Headers[0].Standard {
			t.Errorf("another host: %+v", dp)
		}
		l.forget()
		if list := l.list(); list == nil || len(list) != 0 {
			t.Errorf("after it was forgotten: %+v", list)
		}
	})
}

// TestLearnsOnlyOfOurs: what is passed on to servers that are none of ours is not looked at, nor what calls itself no host.
func TestLearnsOnlyOfOurs(t *testing.T) {
	var l learner
	r := httptest.NewRequest("GET", "http://dp1/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015", nil)
	l.note(&exchange{foreign: true}, r)
	for _, host := range []string{"d\x1b[31mp", "dp 1", "böse", ""} {
		r.URL.Host = host
		l.note(&exchange{}, r)
	}
	if list := l.list(); len(list) > 0 {
		t.Errorf("learned of %+v", list)
	}
}
