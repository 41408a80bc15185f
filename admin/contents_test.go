package admin

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
)

func library() []cache.Object {
	at := func(s int64) time.Time { return time.Unix(1700000000+s, 0).UTC() }
	return []cache.Object{
		{Name: "default/package/ps100015.3/a b/setup%20x.exe", Size: 10, Stored: 10, Used: at(1), Pinned: true},
		{Name: "default/package/ps100015.3/b.cab", Size: 20, Stored: 5, Used: at(9), Open: true},
		{Name: "default/package/ps100015.3/b.cab", Size: 30, Stored: 30, Used: at(2)},
		{Name: "eastSide/signature/ps100015.3/ps100015.3.tar", Size: 1, Stored: 1, Used: at(3), Pinned: true},
	}
}

func TestContents(t *testing.T) {
	s := newStage(t)
	s.objects = library()
	server := s.server(t)
	want := []content{
		{Name: "default/package/ps100015.3", Files: 2, Objects: 3, Stored: 45, Size: 60, Open: true, Used: s.objects[1].Used},
		{Name: "eastSide/signature/ps100015.3", Files: 1, Objects: 1, Stored: 1, Size: 1, Pinned: true, Used: s.objects[3].Used},
	}
	for query, want := range map[string][]content{
		"": want, "?prefix=EastSide/SIG": want[1:], "?prefix=other": {}, "?limit=1": want[:1], "?limit=1000": want,
	} {
		got := decode[contentList](t, ask(t, server, "GET", "/api/v1/contents"+query, ""), http.StatusOK)
		if !slices.Equal(got.Contents, want) {
			t.Errorf("%s: contents are %+v, want %+v", query, got.Contents, want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?limit=x", "?cursor=*"} {
		wantProblem(t, ask(t, server, "GET", "/api/v1/contents"+query, ""), http.StatusBadRequest)
	}
	list := decode[objectList](t, ask(t, server, "GET", "/api/v1/contents/"+url.PathEscape(want[0].Name), ""), http.StatusOK)
	if !slices.Equal(list.Objects, s.objects[:3]) {
		t.Errorf("objects are %+v, want %+v", list.Objects, s.objects[:3])
	}
	wantProblem(t, ask(t, server, "GET", "/api/v1/contents/other", ""), http.StatusNotFound)
}

// TestPages compares pages of random contents with the whole list.
func TestPages(t *testing.T) {
	s := newStage(t)
	rng := rand.New(rand.NewPCG(1, 2))
	names := map[string]bool{}
	for range 500 {
		name := fmt.Sprintf("h%d/package/content_%d.%d", rng.IntN(3), rng.IntN(60), rng.IntN(3))
		names[name] = true
		s.objects = append(s.objects, cache.Object{Name: name + "/" + fmt.Sprint(rng.IntN(9))})
	}
	slices.SortFunc(s.objects, func(a, b cache.Object) int { return strings.Compare(a.Name, b.Name) })
	server := s.server(t)
	want := slices.Sorted(maps.Keys(names))
	for _, limit := range []int{1, 7, len(want) - 1, len(want), len(want) + 1} {
		var got []string
		for cursor, pages := "", 0; ; pages++ {
			path := fmt.Sprintf("/api/v1/contents?limit=%d&cursor=%s", limit, cursor)
			list := decode[contentList](t, ask(t, server, "GET", path, ""), http.StatusOK)
			for _, c := range list.Contents {
				got = append(got, c.Name)
			}
			if cursor = list.Next; cursor == "" || pages > len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %d contents, want %d", limit, len(got), len(want))
		}
	}
}

func TestPinAndRemove(t *testing.T) {
	const content, single = "default/package/ps100015.3", "default/package/ps100015.3/a b/setup%20x.exe"
	pinned := func(s *stage) (list []bool) {
		for _, o := range s.objects {
			list = append(list, o.Pinned)
		}
		return list
	}
	for name, c := range map[string]struct {
		method, path string
		changed      int
		want         []bool // pinned, of what is left
	}{
		"pin a content":      {"PUT", url.PathEscape(content) + "/pin", 2, []bool{true, true, true, true}},
		"unpin a content":    {"DELETE", url.PathEscape(content) + "/pin", 2, []bool{false, false, false, true}},
		"unpin one object":   {"DELETE", url.PathEscape(single) + "/pin", 1, []bool{false, false, false, true}},
		"remove a content":   {"DELETE", url.PathEscape(content), 2, []bool{true}},
		"remove one object":  {"DELETE", url.PathEscape(single), 1, []bool{false, false, true}},
		"remove all of b":    {"DELETE", url.PathEscape(content + "/b.cab"), 1, []bool{true, true}},
		"pin what is absent": {"PUT", "default%2Fpackage%2Fps1/pin", 0, []bool{true, false, false, true}},
		"a part of a name":   {"DELETE", "default%2Fpackage", 0, []bool{true, false, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.objects = library()
			resp := change(t, s.server(t), c.method, "/api/v1/contents/"+c.path, "")
			if c.changed == 0 {
				wantProblem(t, resp, http.StatusNotFound)
			} else if got := decode[changed](t, resp, http.StatusOK); got.Objects != c.changed {
				t.Errorf("%d objects changed, want %d", got.Objects, c.changed)
			}
			if got := pinned(s); !slices.Equal(got, c.want) {
				t.Errorf("pinned are %v, want %v", got, c.want)
			}
		})
	}
}
