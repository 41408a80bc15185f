package site

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the ways are asked, and shows when they last answered. No label holds anything of an answer.
type metrics struct {
	requests *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "branchpoint_site_requests_total",
		Help: "Questions to the site, by the way on which they were asked and how they ended.",
	}, []string{"way", "result"})}
}

// register publishes the metrics of s; a nil Registerer publishes nothing.
func (m *metrics) register(r prometheus.Registerer, s *Site) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.requests), r.Register(ages{s}))
}

// count counts a question.
func (m *metrics) count(way string, k kind) { m.requests.WithLabelValues(way, string(k)).Inc() }

// ages reads the age of each way's last answer when it is scraped.
type ages struct{ site *Site }

func (ages) desc() *prometheus.Desc {
	return prometheus.NewDesc("branchpoint_site_last_success_age_seconds",
		"Time since the last answer on a way to the site. A way that never answered has none.", []string{"way"}, nil)
}

// Describe is part of prometheus.Collector.
func (a ages) Describe(ch chan<- *prometheus.Desc) { ch <- a.desc() }

// Collect is part of prometheus.Collector.
func (a ages) Collect(ch chan<- prometheus.Metric) {
	now := a.site.now().Round(0)
	for _, w := range a.site.Status().Ways {
		if w.LastSuccess.IsZero() {
			continue
		}
		m, err := prometheus.NewConstMetric(a.desc(), prometheus.GaugeValue, max(0, now.Sub(w.LastSuccess)).Seconds(), w.Name)
		if err == nil { // a name that is no UTF-8 has no series
			ch <- m
		}
	}
}
