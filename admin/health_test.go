package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/upstream"
)

func TestHealth(t *testing.T) {
	s := newStage(t)
	s.state.State = cache.StateFailing // alive all the same
	server := s.server(t)
	if resp := ask(t, server, "GET", "/healthz", ""); resp.StatusCode != http.StatusOK || readAll(t, resp) != "ok\n" {
		t.Errorf("GET /healthz: status %d", resp.StatusCode)
	}
	if resp := ask(t, server, "HEAD", "/healthz", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("HEAD /healthz: status %d", resp.StatusCode)
	}
}

// readyCase is something that goes wrong, and what /readyz should say of it: nothing when it does not matter.
type readyCase struct {
	spoil func(*stage)
	want  []Check
}

func readyCases() map[string]readyCase {
	early, late := time.Unix(1700000000, 0).UTC(), time.Unix(1700000100, 0).UTC()
	open := func(configured bool, since time.Time) upstream.LocationStatus {
		return upstream.LocationStatus{URL: "http://dp:80", Configured: configured, State: "open", Since: since}
	}
	closed := upstream.LocationStatus{Configured: true, State: "closed"}
	trial := upstream.LocationStatus{Configured: true, State: "half-open", Since: early}
	upstreams := func(list ...upstream.LocationStatus) func(*stage) { return func(s *stage) { s.points = list } }
	out := func(since time.Time) []Check {
		return []Check{{"upstream", "no configured distribution point can be reached", since}}
	}
	return map[string]readyCase{
		"all well":                  {func(*stage) {}, nil},
		"nobody configured":         {upstreams(open(false, early)), nil},
		"one of two in use":         {upstreams(open(true, early), closed), nil},
		"one on trial":              {upstreams(open(true, early), trial), nil},
		"a learned one still works": {upstreams(open(true, early), upstream.LocationStatus{State: "closed"}), out(early)},
		"all out":                   {upstreams(open(true, late), open(true, early)), out(late)},
		"full": {
			func(s *stage) { s.state.State, s.state.Reason, s.state.Since = cache.StateFull, "no room", early },
			[]Check{{"cache", "the cache is full: no room", early}},
		},
		"failing, and a listener down": {
			func(s *stage) {
				s.state.State, s.state.Reason, s.state.Since = cache.StateFailing, "input/output error", late
				s.listeners[0].Up = false
			},
			[]Check{
				{"cache", "the cache is failing: input/output error", late},
				{Name: "listener", Reason: "the listener local at 127.0.0.1:8080 takes no clients"},
			},
		},
	}
}

func TestReady(t *testing.T) {
	for name, c := range readyCases() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			c.spoil(s)
			server := s.server(t)
			resp := ask(t, server, "GET", "/readyz", "")
			metric := readAll(t, ask(t, server, "GET", "/metrics", ""))
			if len(c.want) == 0 {
				if got := decode[ready](t, resp, http.StatusOK); got.Status != "ready" {
					t.Errorf("the status is %q", got.Status)
				}
				if !strings.Contains(metric, "\nbranchpoint_ready 1\n") {
					t.Error("the metric does not say so")
				}
				return
			}
			p := wantProblem(t, resp, http.StatusServiceUnavailable)
			if !strings.HasPrefix(p.Detail, "Clients are still served") {
				t.Errorf("the detail is %q", p.Detail)
			}
			wantChecks(t, p.Checks, c.want)
			wantChecks(t, decode[Status](t, ask(t, server, "GET", "/api/v1/status", ""), http.StatusOK).Checks, c.want)
			if !strings.Contains(metric, "\nbranchpoint_ready 0\n") {
				t.Error("the metric does not say so")
			}
		})
	}
}

func wantChecks(t *testing.T, got, want []Check) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("checks are %+v, want %+v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("check %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}
