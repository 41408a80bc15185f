package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"branchpoint/proxy/precache"
)

// kitchen is a Precache in memory.
type kitchen struct {
	jobs   []precache.Job
	joined bool
	err    error
	asked  []precache.Request
	pages  []string
}

func (k *kitchen) Start(r precache.Request) (precache.Job, bool, error) {
	k.asked = append(k.asked, r)
	return precache.Job{ID: "7", Request: r, State: precache.StateLocating}, k.joined, k.err
}

func (k *kitchen) Jobs() []precache.Job { return k.jobs }

func (k *kitchen) Job(id string, offset, n int) (precache.Job, bool) {
	k.pages = append(k.pages, fmt.Sprint(id, " ", offset, " ", n))
	for _, j := range k.jobs {
		if j.ID == id {
			return j, true
		}
	}
	return precache.Job{}, false
}

func (k *kitchen) Cancel(id string) (precache.Job, bool) {
	j, ok := k.Job(id, 0, 0)
	k.jobs = nil
	return j, ok
}

func TestStartPrecache(t *testing.T) {
	refused := func(err error) error { return fmt.Errorf("%w, and this is why", err) }
	for name, c := range map[string]struct {
		body   string
		joined bool
		err    error
		want   int
		asked  precache.Request
	}{
		"all":         {body: `{"content": "PS100015", "version": 3, "from": "mp", "dry_run": true}`, want: 202, asked: precache.Request{Content: "PS100015", Version: 3, From: "mp", DryRun: true}},
		"little":      {body: `{"content": "PS100015"}`, want: 202, asked: precache.Request{Content: "PS100015"}},
		"joined":      {body: `{"content": "PS100015"}`, joined: true, want: 200, asked: precache.Request{Content: "PS100015"}},
		"nonsense":    {body: `{"content": "x"}`, err: refused(precache.ErrRequest), want: 422},
		"elsewhere":   {body: `{"content": "x"}`, err: refused(precache.ErrConflict), want: 409},
		"too many":    {body: `{"content": "x"}`, err: refused(precache.ErrTooMany), want: 429},
		"the end":     {body: `{"content": "x"}`, err: refused(precache.ErrClosed), want: 503},
		"a full disk": {body: `{"content": "x"}`, err: errors.New("canary"), want: 500},
		"not JSON":    {body: canary, want: 400},
		"cut short":   {body: `{"content": "` + canary, want: 400},
		"two values":  {body: `{"content": "a"} {}`, want: 400},
		"unknown":     {body: `{"` + canary + `": 1}`, want: 400},
		"a word":      {body: `{"version": "` + canary + `"}`, want: 400},
		"large":       {body: `{"content": "` + strings.Repeat(canary, 600) + `"}`, want: 413},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.kitchen.joined, s.kitchen.err = c.joined, c.err
			resp := change(t, s.server(t), "POST", "/api/v1/precache", c.body)
			if c.want >= 400 {
				p := wantProblem(t, resp, c.want)
				if c.err != nil && c.want != 500 && p.Detail != c.err.Error() || strings.Contains(p.Detail, canary) {
					t.Errorf("the detail is %q", p.Detail)
				}
				return
			}
			got := decode[PrecacheStarted](t, resp, c.want)
			want := PrecacheStarted{precache.Job{ID: "7", Request: c.asked, State: precache.StateLocating}, c.joined}
			if !reflect.DeepEqual(got, want) || resp.Header.Get("Location") != "/api/v1/precache/7" {
				t.Errorf("the answer is %+v, want %+v", got, want)
			}
			if len(s.kitchen.asked) != 1 || s.kitchen.asked[0] != c.asked {
				t.Errorf("asked for was %+v", s.kitchen.asked)
			}
		})
	}
}

func TestServePrecache(t *testing.T) {
	s := newStage(t)
	server := s.server(t)
	if got := readAll(t, ask(t, server, "GET", "/api/v1/precache", "")); got != `{"jobs":[]}`+"\n" {
		t.Errorf("without jobs the answer is %s", got)
	}
	j := precache.Job{
		ID: "7", Request: precache.Request{Content: "PS100015"}, State: precache.StateFetching, Created: time.Unix(1700000000, 0).UTC(),
		Counts: precache.Counts{Files: 2, Fetching: 1, Pending: 1}, Size: 10, Stored: 3, BytesPerSecond: 2, SecondsLeft: 4,
		Active: []precache.File{{Path: "a/b", Size: 5, Stored: 3, Result: precache.ResultFetching}},
		Files:  []precache.File{{Path: "a/b", Size: 5, Stored: 3, Result: precache.ResultFetching}, {Path: "c", Size: 5, Result: precache.ResultPending}},
	}
	s.kitchen.jobs = []precache.Job{j}
	if got := decode[PrecacheList](t, ask(t, server, "GET", "/api/v1/precache", ""), 200); !reflect.DeepEqual(got.Jobs, s.kitchen.jobs) {
		t.Errorf("the jobs are %+v", got)
	}
	for path, page := range map[string]string{
		"7": "7 0 100", "7?limit=0": "7 0 0", "7?limit=1000&offset=2000": "7 2000 1000",
	} {
		if got := decode[precache.Job](t, ask(t, server, "GET", "/api/v1/precache/"+path, ""), 200); !reflect.DeepEqual(got, j) {
			t.Errorf("%s: the job is %+v", path, got)
		}
		if got := s.kitchen.pages[len(s.kitchen.pages)-1]; got != page {
			t.Errorf("%s: asked for was %q, want %q", path, got, page)
		}
	}
	for path, want := range map[string]int{
		"8": 404, "7?limit=-1": 400, "7?limit=1001": 400, "7?limit=x": 400, "7?offset=-1": 400, "7?offset=x": 400, "7?offset=99999999999999999999": 400,
	} {
		wantProblem(t, ask(t, server, "GET", "/api/v1/precache/"+path, ""), want)
	}
	wantProblem(t, change(t, server, "DELETE", "/api/v1/precache/8", ""), 404)
	s.kitchen.jobs = []precache.Job{j}
	if got := decode[precache.Job](t, change(t, server, "DELETE", "/api/v1/precache/7", ""), 200); got.ID != "7" || s.kitchen.jobs != nil {
		t.Errorf("after the end: %+v, %+v", got, s.kitchen.jobs)
	}
}

func TestNoPrecache(t *testing.T) {
	server := newStage(t).server(t, func(c *Config) { c.Precache = nil })
	for _, r := range [][2]string{{"GET", ""}, {"POST", ""}, {"GET", "/7"}, {"DELETE", "/7"}} {
		wantProblem(t, change(t, server, r[0], "/api/v1/precache"+r[1], `{"content": "PS100015"}`), http.StatusServiceUnavailable)
	}
}

// FuzzReadPrecache checks that a refusal of a body never repeats any of it.
func FuzzReadPrecache(f *testing.F) {
	for _, seed := range []string{"", "{", "\x00", `"`, `{"content": `, `{"content": "x", "version": `, `[`, "null", "1e999", `{"dry_run": "`} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/", strings.NewReader(before+canary+after))
		if _, err := readPrecache(httptest.NewRecorder(), r); err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats the body: %v", err)
		}
	})
}
