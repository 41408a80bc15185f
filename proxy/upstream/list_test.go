package upstream

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// shelf is a DP with one content, whose list it gives as it is told. What it writes is RFC 4918, and the pages that
// sccm-http-looter shows.
type shelf struct {
	*fakeDP
	files map[string]int64 // by path
	empty []string         // folders without a file

	depths  bool           // infinity is refused
	status  map[string]int // by method, instead of an answer
	script  func(w http.ResponseWriter, r *http.Request, folder string) bool
	mu      sync.Mutex
	asked   []string
	headers []http.Header
}

const shelfRoot = "/SMS_DP_SMSPKG$/PS100015"

func newShelf(t *testing.T, start func(*testing.T, []byte) *fakeDP, paths ...string) *shelf {
	s := &shelf{fakeDP: start(t, nil), files: map[string]int64{}, status: map[string]int{}}
	for _, p := range paths {
		if folder, ok := strings.CutSuffix(p, "/"); ok {
			s.empty = append(s.empty, folder)
		} else {
			s.files[p] = int64(len(p))
		}
	}
	s.setScript(s.answer)
	return s
}

func (s *shelf) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+r.Header.Get("Depth")))
	s.headers = append(s.headers, r.Header.Clone())
	s.mu.Unlock()
	_, folder, _ := strings.Cut(r.URL.Path, "/PS100015")
	folder = strings.Trim(folder, "/")
	switch {
	case s.script != nil && s.script(w, r, folder):
	case s.status[r.Method] != 0:
		w.WriteHeader(s.status[r.Method])
	case r.Method == "PROPFIND" && r.Header.Get("Depth") != "1" && s.depths:
		w.WriteHeader(http.StatusForbidden)
	case r.Method == "PROPFIND":
		w.WriteHeader(http.StatusMultiStatus)
		io.WriteString(w, s.multistatus(r, folder))
	default:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		io.WriteString(w, s.page(r, folder))
	}
}

// below are the files and folders in a folder, those in its folders too when deep; folders end in "/".
func (s *shelf) below(folder string, deep bool) []string {
	found := map[string]bool{}
	add := func(path string, isFolder bool) {
		rest, ok := strings.CutPrefix(path, folder)
		if rest = strings.TrimPrefix(rest, "/"); !ok || rest == "" {
			return
		}
		names := strings.Split(rest, "/")
		for i := range names {
			end := "/"
			if i == len(names)-1 && !isFolder {
				end = ""
			}
			if i == 0 || deep {
				found[join(folder, strings.Join(names[:i+1], "/"))+end] = true
			}
		}
	}
	for path := range s.files {
		add(path, false)
	}
	for _, path := range s.empty {
		add(path, true)
	}
	return slices.Sorted(maps.Keys(found))
}

func (s *shelf) multistatus(r *http.Request, folder string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">`)
	for _, path := range append([]string{folder + "/"}, s.below(folder, r.Header.Get("Depth") != "1")...) {
		href := "http://" + r.Host + shelfRoot + "/" + escapePath(strings.TrimPrefix(path, "/"))
		props := "<D:resourcetype><D:collection/></D:resourcetype>"
		if size, ok := s.files[path]; ok {
			props = fmt.Sprintf("<D:getcontentlength>%d</D:getcontentlength><D:getlastmodified>%s</D:getlastmodified>", size,
				modified.Format(http.TimeFormat))
		}
		fmt.Fprintf(&b, "<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"+
			"</D:response>", strings.ReplaceAll(href, "&", "&amp;"), props)
	}
	return b.String() + "</D:multistatus>"
}

func (s *shelf) page(r *http.Request, folder string) string {
	var b strings.Builder
	b.WriteString("<html><head><title>a list</title></head><body><H1>a list</H1><hr>\r\n\r\n<pre>" +
		`<A HREF="/SMS_DP_SMSPKG$/">[To Parent Directory]</A><br><br>`)
	for _, path := range s.below(folder, false) {
		size := "&lt;dir&gt"
		if n, ok := s.files[path]; ok {
			size = fmt.Sprint(n)
		}
		link := "http://" + r.Host + shelfRoot + "/" + strings.ReplaceAll(escapePath(path), "&", "&amp;")
		fmt.Fprintf(&b, `4/ 5/2023   8:24 pm %20s <a href="%s">%s</a><br>`, size, link, link)
	}
	return b.String() + "</pre><hr></body></html>"
}

func (s *shelf) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.asked
	s.asked = nil
	return taken
}

// folderAt is the content as a target of content.ParseFolder.
func folderAt(t *testing.T, base, raw string) content.Target {
	t.Helper()
	scheme, host, _ := strings.Cut(base, "://")
	target, ok := content.ParseFolder(scheme, host, raw)
	if !ok {
		t.Fatalf("%s is no folder", raw)
	}
	return target
}

// listed writes a list as "path size", sorted.
func listed(files []File) string {
	var lines []string
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("%s %d", f.Path, f.Size))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

const shelfList = "a b&c;100%.exe 14, bin/x.config 12, bin/\u00e9/#y.exe 13, setup.exe 9"

func shelfPaths() []string {
	return []string{"setup.exe", "bin/x.config", "bin/\u00e9/#y.exe", "a b&c;100%.exe", "nothing/here/"}
}

func TestList(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*shelf)
		asked  int
		first  string
		dated  bool
	}{
		{"by PROPFIND, all at once", func(*shelf) {}, 2, "PROPFIND " + shelfRoot + " infinity", true}, // and the folder without a file
		{"by PROPFIND, folder by folder", func(s *shelf) { s.depths = true }, 6, "PROPFIND " + shelfRoot + " infinity", true},
		{"by its pages, where the method is not allowed", func(s *shelf) { s.status["PROPFIND"] = 405 }, 6, "PROPFIND " + shelfRoot + " infinity", false},
		{"by its pages, where it is forbidden", func(s *shelf) { s.status["PROPFIND"] = 403 }, 7, "PROPFIND " + shelfRoot + " infinity", false},
		{"by its pages, where it is not known", func(s *shelf) { s.status["PROPFIND"] = 501 }, 6, "PROPFIND " + shelfRoot + " infinity", false},
		{"by its pages, where the answer makes no sense", func(s *shelf) {
			s.script = func(w http.ResponseWriter, r *http.Request, _ string) bool {
				if r.Method == "PROPFIND" {
					w.WriteHeader(207)
					io.WriteString(w, multistatus(line("ghost.exe"), line("house/"), line("../up.exe")))
				}
				return r.Method == "PROPFIND"
			}
		}, 6, "PROPFIND " + shelfRoot + " infinity", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShelf(t, newDP, shelfPaths()...)
			tt.change(s)
			p := testPool(t, Config{Locations: at(s.fakeDP)})
			files, err := p.List(t.Context(), folderAt(t, s.URL, shelfRoot))
			if err != nil || listed(files) != shelfList {
				t.Fatalf("the list is %q, %v\nwant %q", listed(files), err, shelfList)
			}
			for _, f := range files {
				if want := modified; tt.dated != f.ModTime.Equal(want) || !tt.dated && !f.ModTime.IsZero() {
					t.Errorf("%s is of %v", f.Path, f.ModTime)
				}
			}
			if asked := s.taken(); len(asked) != tt.asked || asked[0] != tt.first {
				t.Errorf("asked was %q, want %d times", asked, tt.asked)
			}
			for _, h := range s.headers {
				if h.Get("Range") != "" {
					t.Error("a range of a list was asked for")
				}
			}
			if got := p.Status()[0]; got.Failures != 0 {
				t.Errorf("the DP is blamed: %+v", got)
			}
		})
	}
}

// TestListOfAFolder: its paths begin there.
func TestListOfAFolder(t *testing.T) {
	s := newShelf(t, newDP, shelfPaths()...)
	p := testPool(t, Config{})
	files, err := p.List(t.Context(), folderAt(t, s.URL, shelfRoot+"/bin/"))
	if want := "x.config 12, \u00e9/#y.exe 13"; err != nil || listed(files) != want {
		t.Errorf("the list is %q, %v, want %q", listed(files), err, want)
	}
	if _, err := p.List(t.Context(), content.Target{Raw: "/", Scheme: "http", Host: "x:80"}); err == nil {
		t.Error("what is no content was listed")
	}
}

// TestListByToken: at the token endpoint of the DP, where the plain directory wants to know who asks.
func TestListByToken(t *testing.T) {
	for _, refusal := range []map[string]int{{"PROPFIND": 401}, {"PROPFIND": 405, "GET": 401}, {"PROPFIND": 403, "GET": 403}} {
		plain, secure := newShelf(t, newDP), newShelf(t, newTLSDP, shelfPaths()...)
		plain.status = refusal
		secure.script = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			isBad := r.Header.Get("X-CCM-Token") != "site-2" || !strings.HasPrefix(r.URL.Path, "/CCMTOKENAUTH_")
			if isBad {
				w.WriteHeader(http.StatusUnauthorized)
			}
			return isBad
		}
		p := testPool(t, Config{Locations: []Location{{Base: plain.URL, TokenBase: secure.URL, Audience: "site"}},
			RootCAs: roots(secure.fakeDP), Tokens: &fakeTokens{left: 2}})
		target := folderAt(t, plain.URL, shelfRoot)
		target.Header = http.Header{"X-Own": {"mine"}}
		files, err := p.List(t.Context(), target)
		if err != nil || listed(files) != shelfList {
			t.Errorf("%v: the list is %q, %v", refusal, listed(files), err)
		}
		if plain.headers[0].Get("X-Own") != "mine" || secure.headers[0].Get("X-Own") != "" || plain.headers[0].Get("X-CCM-Token") != "" {
			t.Errorf("%v: the plain directory saw %v, the token endpoint %v", refusal, plain.headers[0], secure.headers[0])
		}
	}
}

// TestListFromAnother DP, which the site names, when that of the target fails.
func TestListFromAnother(t *testing.T) {
	for _, status := range []int{500, 401, 404, 302} {
		a, b := newShelf(t, newDP), newShelf(t, newDP, shelfPaths()...)
		a.status = map[string]int{"PROPFIND": status, "GET": status}
		p := testPool(t, Config{Locations: at(a.fakeDP), Locator: &fakeSite{known: []Location{{Base: b.URL}}}})
		if files, err := p.List(t.Context(), folderAt(t, a.URL, shelfRoot)); err != nil || listed(files) != shelfList {
			t.Errorf("%d: the list is %q, %v", status, listed(files), err)
		}
		b.Close()
		_, err := p.List(t.Context(), folderAt(t, a.URL, shelfRoot))
		want := map[int]error{500: cache.ErrUnreachable, 401: cache.ErrRefused, 404: cache.ErrUnreachable, 302: cache.ErrRefused}[status]
		if !errors.Is(err, want) {
			t.Errorf("%d, and nobody else: %v, want %v", status, err, want)
		}
	}
}

func TestListEndsWithItsCaller(t *testing.T) {
	s := newShelf(t, newDP)
	s.script = func(_ http.ResponseWriter, r *http.Request, _ string) bool { <-r.Context().Done(); return true }
	p := testPool(t, Config{HeaderTimeout: 50 * time.Millisecond})
	if _, err := p.List(t.Context(), folderAt(t, s.URL, shelfRoot)); !errors.Is(err, cache.ErrUnreachable) {
		t.Errorf("a DP that says nothing: %v", err)
	}
}
