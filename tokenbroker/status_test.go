package tokenbroker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("request-like", "", ErrUnavailable), lasting("mp", time.Hour, 0)}})
		if got := w.Status(); len(got) != 0 {
			t.Errorf("status of a new broker: %+v", got)
		}
		start := time.Now()
		w.wants(t, "zeta", "mp-1")
		w.Refused("zeta", w.wants(t, "zeta", "mp-1"))
		elapse(time.Minute)
		w.wants(t, "zeta", "mp-2")
		w.wants(t, "alpha", "mp-3")
		tok, _ := NewToken("mp-2", time.Time{})
		got := w.Status()
		if len(got) != 2 || got[0].Audience != "alpha" {
			t.Fatalf("status %+v, want alpha before zeta", got)
		}
		want := TokenStatus{Audience: "zeta", Source: "mp", Fingerprint: tok.Fingerprint(), Since: start,
			Expires: start.Add(time.Hour), Refreshes: 2, Refusals: 1}
		if got[1] != want {
			t.Errorf("status %+v, want %+v", got[1], want)
		}
	})
}

func TestStatusWithoutAToken(t *testing.T) {
	w := newWorld(t, Config{Sources: []Source{always("mp", "", Failure("the server is down"))}})
	w.wants(t, "site", "")
	got, err := json.Marshal(w.Status())
	want := `[{"audience":"site","refreshes":0,"refusals":0,"last_error":"token source mp: the server is down"}]`
	if err != nil || string(got) != want {
		t.Errorf("status %s, %v; want %s", got, err, want)
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Sources: []Source{always("first", "", ErrUnavailable), lasting("mp", time.Hour, 0)}})
		w.Refused("site", w.wants(t, "site", "mp-1"))
		w.wants(t, "site", "mp-2")
		w.wants(t, "no\xffUTF-8", "mp-3") // an audience that no label can hold must not break the others
		got := values(t, w)
		want := map[string]float64{
			"branchpoint_token_fetches_total first unavailable": 3,
			"branchpoint_token_fetches_total mp token":          3,
			"branchpoint_token_refusals_total":                  1,
			"branchpoint_token_expiry_timestamp_seconds site":   float64(time.Now().Add(time.Hour).Unix()),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("metrics %v, want %v", got, want)
		}
	})
}

// values is each series with the values of its labels, in the order of the names.
func values(t *testing.T, w *world) map[string]float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := []string{f.GetName()}
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			for _, l := range []string{"audience", "source", "outcome"} {
				if labels[l] != "" {
					name = append(name, labels[l])
				}
			}
			all[strings.Join(name, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}
