package tokenbroker

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the sources do and shows when tokens end. No label holds anything of a token.
type metrics struct {
	fetches  *prometheus.CounterVec
	refusals prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_token_fetches_total",
			Help: "Times that a token source was asked, by how it ended.",
		}, []string{"source", "outcome"}),
		refusals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "branchpoint_token_refusals_total",
			Help: "Tokens that a server did not accept.",
		}),
	}
}

// register publishes the metrics of b; a nil Registerer publishes nothing.
func (m *metrics) register(r prometheus.Registerer, b *Broker) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.fetches), r.Register(m.refusals), r.Register(expiries{b}))
}

// expiries reads the expiry of each token when it is scraped, so that no series outlives its audience.
type expiries struct{ broker *Broker }

func (expiries) desc() *prometheus.Desc {
	return prometheus.NewDesc("branchpoint_token_expiry_timestamp_seconds",
		"When the token in use for an audience ends, in Unix time.", []string{"audience"}, nil)
}

// Describe is part of prometheus.Collector.
func (e expiries) Describe(ch chan<- *prometheus.Desc) { ch <- e.desc() }

// Collect is part of prometheus.Collector.
func (e expiries) Collect(ch chan<- prometheus.Metric) {
	for _, s := range e.broker.Status() {
		if s.Expires.IsZero() {
			continue
		}
		m, err := prometheus.NewConstMetric(e.desc(), prometheus.GaugeValue, float64(s.Expires.Unix()), s.Audience)
		if err == nil { // an audience that is no UTF-8 has no series
			ch <- m
		}
	}
}
