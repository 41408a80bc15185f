package admin

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/proxy/upstream"
)

// count registers a metric under the name that another package gives its own, and sets it.
func count(t *testing.T, s *stage, name string, labels []string, values map[string]float64) {
	t.Helper()
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: name}, labels)
	if err := s.registry.Register(v); err != nil {
		t.Fatal(err)
	}
	for of, n := range values {
		v.WithLabelValues(strings.Split(of, ",")...).Set(n)
	}
}

func TestTotals(t *testing.T) {
	for name, c := range map[string]struct {
		served map[string]float64
		up     float64
		want   Totals
	}{
		"nothing yet": {nil, 0, Totals{Requests: 7, ActiveRequests: 2}},
		"a good day": {
			map[string]float64{"stored": 900, "waited": 80, "direct": 20}, 120,
			Totals{Requests: 7, ActiveRequests: 2, ServedBytes: 1000, HitBytes: 900, UpstreamBytes: 120, HitRatio: 0.9, SavedBytes: 880},
		},
		"fetched ahead": {
			map[string]float64{"waited": 10}, 50,
			Totals{Requests: 7, ActiveRequests: 2, ServedBytes: 10, UpstreamBytes: 50, SavedBytes: -40},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			count(t, s, "branchpoint_requests_total", []string{"listener", "status"}, map[string]float64{"a,200": 4, "b,404": 3})
			count(t, s, "branchpoint_requests_active", []string{"listener"}, map[string]float64{"a": 2})
			count(t, s, "branchpoint_cache_served_bytes_total", []string{"from"}, c.served)
			count(t, s, "branchpoint_upstream_bytes_total", []string{"host"}, map[string]float64{"dp1": c.up, "dp2": 0})
			got := decode[Status](t, ask(t, s.server(t), "GET", "/api/v1/status", ""), http.StatusOK).Totals
			if got != c.want {
				t.Errorf("totals are %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.points = []upstream.LocationStatus{{Configured: true, State: "closed"}, {Configured: true, State: "open"}, {State: "open"}}
		server := s.server(t)
		<-time.After(90 * time.Second)
		got := decode[Status](t, ask(t, server, "GET", "/api/v1/status", ""), http.StatusOK)
		if got.Version != "v1.2.3" || got.UptimeSeconds != 90 || !got.Ready {
			t.Errorf("version %q, up %d s, ready %v", got.Version, got.UptimeSeconds, got.Ready)
		}
		if len(got.Listeners) != 1 || got.Listeners[0] != s.listeners[0] {
			t.Errorf("listeners are %+v, want %+v", got.Listeners, s.listeners)
		}
		if got.Cache != s.state {
			t.Errorf("the cache is %+v, want %+v", got.Cache, s.state)
		}
		if want := (UpstreamSummary{Configured: 2, Learned: 1, Open: 2}); got.Upstreams != want {
			t.Errorf("upstreams are %+v, want %+v", got.Upstreams, want)
		}
	})
}

func TestUpstreams(t *testing.T) {
	s := newStage(t)
	at := time.Unix(1700000000, 0).UTC()
	s.points = []upstream.LocationStatus{{
		URL: "https://dp1.example:443", Hierarchy: "default", Configured: true, State: "open", Since: at, Failures: 3,
		LastError: "timeout", LastErrorAt: at, Bytes: 5, Requests: 6, LatencySeconds: 0.25,
	}, {}}
	want := `{"upstreams":[{"url":"https://dp1.example:443","hierarchy":"default","configured":true,"state":"open",` +
		`"since":"2023-11-14T22:13:20Z","failures":3,"last_error":"timeout","last_error_at":"2023-11-14T22:13:20Z",` +
		`"bytes":5,"requests":6,"latency_seconds":0.25},{"url":"","hierarchy":"","configured":false,"state":"",` +
		`"failures":0,"bytes":0,"requests":0,"latency_seconds":0}]}` + "\n"
	if got := readAll(t, ask(t, s.server(t), "GET", "/api/v1/upstreams", "")); got != want {
		t.Errorf("upstreams are %s, want %s", got, want)
	}
}

func TestMetrics(t *testing.T) {
	text := readAll(t, ask(t, newStage(t).server(t), "GET", "/metrics", ""))
	for _, want := range []string{`branchpoint_build_info{version="v1.2.3"} 1`, "go_goroutines ", "process_"} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}

func TestScrub(t *testing.T) {
	s := newStage(t)
	server := s.server(t)
	if got := decode[ScrubStatus](t, change(t, server, "POST", "/api/v1/scrub", ""), http.StatusAccepted); !got.Running {
		t.Errorf("it does not run: %+v", got)
	}
	wantProblem(t, change(t, server, "POST", "/api/v1/scrub", ""), http.StatusConflict)
	close(s.scrubbing)
	s.work.Wait()
	got := decode[Status](t, ask(t, server, "GET", "/api/v1/status", ""), http.StatusOK).Scrub
	if got.Running || got.Compared != 12 || got.Bad != 1 || got.Finished.Before(got.Started) {
		t.Errorf("the scrub is %+v, want it finished with 12 compared and 1 bad", got)
	}
	decode[ScrubStatus](t, change(t, server, "POST", "/api/v1/scrub", ""), http.StatusAccepted)
}
