package upstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"branchpoint/cache"
)

// line is what an answer to PROPFIND says of one file; a folder ends in "/".
func line(href string) string {
	return "<D:response><D:href>" + href + "</D:href><D:propstat><D:prop><D:getcontentlength>5</D:getcontentlength></D:prop>" +
		"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
}

func multistatus(lines ...string) string {
	return `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">` + strings.Join(lines, "") + `</D:multistatus>`
}

func page(lines ...string) string {
	return "<html><pre>" + strings.Join(lines, "<br>") + "</pre></html>"
}

// TestListsThatAreRefused: half a list, one that leads elsewhere, and one without an end count for nothing.
func TestListsThatAreRefused(t *testing.T) {
	endless := func(folder string) string { return shelfRoot + "/" + strings.TrimLeft(folder+"/sub/", "/") }
	for _, tt := range []struct {
		name  string
		dav   func(folder string) string // nil: refused
		pages func(folder string) string // nil: refused
		want  error
	}{
		{"another content", func(string) string { return multistatus(line("/SMS_DP_SMSPKG$/PS100016/a.exe")) }, nil, cache.ErrUnreachable},
		{"a path that climbs", func(string) string { return multistatus(line(shelfRoot + "/a/%2e%2e/b.exe")) }, nil, cache.ErrUnreachable},
		{"a path that climbs by itself", func(string) string { return multistatus(line(`..\..\b.exe`)) }, nil, cache.ErrUnreachable},
		{"a control character", func(string) string { return multistatus(line(shelfRoot + "/a%00.exe")) }, nil, cache.ErrUnreachable},
		{"a query", func(string) string { return multistatus(line(shelfRoot + "/a.exe?x")) }, nil, cache.ErrUnreachable},
		{"a file without a size", func(string) string {
			return multistatus(strings.ReplaceAll(line(shelfRoot+"/a.exe"), "5", "-5"))
		}, nil, cache.ErrUnreachable},
		{"a part that is forbidden", func(string) string {
			return multistatus("<D:response><D:href>" + shelfRoot + "/sub/</D:href><D:status>HTTP/1.1 403 Forbidden</D:status></D:response>")
		}, nil, cache.ErrUnreachable},
		{"half of the XML", func(string) string {
			return strings.TrimSuffix(multistatus(line(shelfRoot+"/a.exe")), "</D:multistatus>")
		},
			nil, cache.ErrUnreachable},
		{"a document type", func(string) string {
			return `<!DOCTYPE x [<!ENTITY e "` + shelfRoot + `">]>` + multistatus(line(shelfRoot+"/a.exe"))
		}, nil, cache.ErrUnreachable},
		{"folders without end", func(f string) string { return multistatus(line(endless(f))) }, nil, cache.ErrUnreachable},
		{"pages of folders without end", nil, func(f string) string {
			return page(`&lt;dir&gt <a href="` + endless(f) + `">x</a>`)
		}, cache.ErrUnreachable},
		{"the same page for each folder", nil, func(string) string {
			return page(`&lt;dir&gt <a href="` + shelfRoot + `/sub">x</a>`)
		}, nil},
		{"the same page with files", nil, func(string) string {
			return page(`&lt;dir&gt <a href="`+shelfRoot+`/sub">x</a>`, `5 <a href="`+shelfRoot+`/a.exe">x</a>`)
		}, cache.ErrUnreachable},
		{"a form to log in", nil, func(string) string { return "<html><form></form></html>" }, cache.ErrRefused},
		{"half a page", nil, func(string) string {
			return strings.TrimSuffix(page(`5 <a href="`+shelfRoot+`/a.exe">x</a>`), "</pre></html>")
		}, cache.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShelf(t, newDP)
			s.script = func(w http.ResponseWriter, r *http.Request, folder string) bool {
				answer, status := tt.pages, http.StatusOK
				if r.Method == "PROPFIND" {
					answer, status = tt.dav, http.StatusMultiStatus
				}
				if answer == nil {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return true
				}
				w.WriteHeader(status)
				io.WriteString(w, answer(folder))
				return true
			}
			p := testPool(t, Config{Locations: at(s.fakeDP)})
			files, err := p.List(t.Context(), folderAt(t, s.URL, shelfRoot))
			if !errors.Is(err, tt.want) || len(files) > 0 {
				t.Errorf("the list is %q, %v; want %v", listed(files), err, tt.want)
			}
			if n := len(s.taken()); n > maxNesting+3 {
				t.Errorf("the DP was asked %d times", n)
			}
			if tt.want == cache.ErrUnreachable && p.Status()[0].Failures == 0 {
				t.Error("the DP is not blamed")
			}
		})
	}
}

// TestLongLists are refused, and as long ones as there may be are not.
func TestLongLists(t *testing.T) {
	dp := newDP(t, []byte(multistatus(line(shelfRoot+"/a"))))
	dp.setScript(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		w.Write(dp.data)
	})
	p := testPool(t, Config{})
	target := folderAt(t, dp.URL, shelfRoot)
	top, _ := newNaming(target)
	s := p.now.Load().source(target, false)
	fresh := func() *lister { return newLister(s, s.named, s.routes(s.named)[0], top) }
	items := make([]item, maxListed)
	for i := range items {
		items[i].href = fmt.Sprint(i)
	}
	ok := outcome{verdict: served}
	full := fresh()
	for _, tt := range []struct {
		name string
		out  func(l *lister) outcome
		good bool
	}{
		{"many files", func(*lister) outcome { return full.take("", items, nil, ok) }, true},
		{"some of them again", func(*lister) outcome { return full.take("", items[:100], nil, ok) }, true},
		{"too many files", func(*lister) outcome { return full.take("", []item{{href: "x"}}, nil, ok) }, false},
		{"too many folders", func(l *lister) outcome {
			for i := range maxFolders + 1 {
				if out := l.take("", []item{{href: fmt.Sprintf("x%d/", i), folder: true}}, nil, ok); out.verdict != served {
					return out
				}
			}
			return ok
		}, false},
		{"as many bytes as there may be", func(l *lister) outcome { l.budget = int64(len(dp.data)); return l.crawl(t.Context()) }, true},
		{"too many bytes", func(l *lister) outcome { l.budget = int64(len(dp.data)) - 1; return l.crawl(t.Context()) }, false},
	} {
		if out := tt.out(fresh()); (out.verdict == served) != tt.good || !tt.good && !out.lied {
			t.Errorf("%s: %+v", tt.name, out)
		}
	}
	three := []string{line("a"), line("b"), line("c")}
	links := []string{`1 <a href="a">`, `2 <a href="b">`, `3 <a href="c">`}
	for most, want := range map[int]error{2: errTooMany, 3: nil} {
		if _, err := readMultistatus([]byte(multistatus(three...)), most); !errors.Is(err, want) {
			t.Errorf("three of at most %d lines: %v", most, err)
		}
		if _, err := readPage([]byte(page(links...)), most); !errors.Is(err, want) {
			t.Errorf("three of at most %d lines of a page: %v", most, err)
		}
	}
}

func TestNaming(t *testing.T) {
	top, ok := newNaming(folderAt(t, "http://dp", "/SMS_DP_SMSPKG%24/PS100015/"))
	if !ok {
		t.Fatal("no naming")
	}
	for _, tt := range []struct{ folder, href, want string }{
		{"", "http://dp/SMS_DP_SMSPKG$/PS100015", ""},
		{"", "http://dp/SMS_DP_SMSPKG$/PS100015/", ""},
		{"", "http://dp/SMS_DP_SMSPKG$/PS100015/a", "a"},
		{"", "https://another.example:444/CCMTOKENAUTH_sms_dp_smspkg%24/ps100015/A/b", "A/b"},
		{"", "/NOCERT_SMS_DP_SMSPKG$/PS100015/a/", "a"},
		{"", `\SMS_DP_SMSPKG$\PS100015\a\b`, "a/b"},
		{"", "/SMS_DP_SMSPKG$//PS100015/./a", "a"},
		{"", "/SMS_DP_SMSPKG$/PS100015/a%2520b", "a%20b"}, // once
		{"", "/SMS_DP_SMSPKG$/PS100015/100%.exe", "100%.exe"},
		{"", "/SMS_DP_SMSPKG$/PS100015/%C3%A9+%26%23", "\u00e9+&#"},
		{"", "a/b", "a/b"}, {"a", "b", "a/b"}, {"a", "./b", "a/b"}, {"a", "", "a"},
		{"A", "/SMS_DP_SMSPKG$/PS100015/a/b", "A/b"},
		{"a", "/SMS_DP_SMSPKG$/PS100015/a", "a"},
		{"a", "/SMS_DP_SMSPKG$/PS100015/ab", "!"}, {"a", "/SMS_DP_SMSPKG$/PS100015", "!"}, {"a", "/SMS_DP_SMSPKG$/PS100015/b/a", "!"},
		{"", "/SMS_DP_SMSPKG$", "!"}, {"", "/", "!"}, {"", "http://dp", "!"}, {"", "/SMS_DP_SMSPKG$/PS100015.3/a", "!"},
		{"", "/SMS_DP_SMSSIG$/PS100015/a", "!"}, {"", "/SMS_DP_SMSPKG$/DataLib/a", "!"}, {"", "/x/PS100015/a", "!"},
		{"", "//SMS_DP_SMSPKG$/PS100015/../PS100015/a", "!"}, {"", "../PS100015/a", "!"}, {"", "ftp://dp/SMS_DP_SMSPKG$/PS100015/a", "!"},
		{"", "/SMS_DP_SMSPKG$/PS100015/a\x00", "!"}, {"", "/SMS_DP_SMSPKG$/PS100015/%ff", "!"}, {"", "/SMS_DP_SMSPKG$/PS100015/a%3fb", "!"},
		{"", strings.Repeat("a/", maxNesting+1), "!"},
	} {
		got, ok := top.below(tt.folder, tt.href)
		if !ok {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("in %q, %q is %q, want %q", tt.folder, tt.href, got, tt.want)
		}
	}
}
