package upstream

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxLabels bounds the series of hosts that are not configured; what comes later is counted under otherLabel.
const (
	maxLabels  = 64
	otherLabel = "other"
)

// labels are the hosts, not configured ones, that have series of their own: never more than maxLabels.
type labels struct {
	mu    sync.Mutex
	hosts map[string]struct{}
}

// of returns the metrics label of a learned host.
func (l *labels) of(host string) string {
	host = strings.ToLower(host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.hosts[host]; ok {
		return host
	}
	if len(l.hosts) >= maxLabels {
		return otherLabel
	}
	l.hosts[host] = struct{}{}
	return host
}

// name is the outcome as metrics and logs call it.
func (o outcome) name() string {
	if o.lied {
		return "lied"
	}
	return [...]string{
		failed: "failed", served: "served", missing: "missing", refused: "refused", different: "changed",
		noRange: "no_range", unsatisfied: "unsatisfied", busy: "busy", canceled: "canceled",
	}[o.verdict]
}

// metrics counts what DPs do.
type metrics struct {
	bytes    *prometheus.CounterVec
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	breakers breakerCollector
}

// newMetrics registers the metrics; a nil Registerer is legal.
func newMetrics(reg prometheus.Registerer, locations func() []*location) (*metrics, error) {
	m := &metrics{
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_upstream_bytes_total", Help: "Bytes of bodies received from a distribution point.",
		}, []string{"host"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_upstream_requests_total", Help: "Requests put to a distribution point, by outcome.",
		}, []string{"host", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "branchpoint_upstream_first_byte_seconds", Help: "Time from a request to the header of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s
		}, []string{"host"}),
		breakers: breakerCollector{locations, prometheus.NewDesc("branchpoint_upstream_breaker_state",
			"Circuit breaker of a distribution point: 0 closed, 1 half-open, 2 open.", []string{"host"}, nil)},
	}
	if reg == nil {
		return m, nil
	}
	for i, c := range m.collectors() {
		if err := reg.Register(c); err != nil {
			for _, done := range m.collectors()[:i] {
				reg.Unregister(done)
			}
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.bytes, m.requests, m.latency, m.breakers}
}

func (m *metrics) unregister(reg prometheus.Registerer) {
	if reg == nil {
		return
	}
	for _, c := range m.collectors() {
		reg.Unregister(c)
	}
}

// asked counts one request that has come to its end.
func (m *metrics) asked(loc *location, out outcome) {
	m.requests.WithLabelValues(loc.label, out.name()).Inc()
}

// breakerCollector reads the breakers when somebody looks: a cool-down ends without an event.
type breakerCollector struct {
	locations func() []*location
	desc      *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (b breakerCollector) Describe(ch chan<- *prometheus.Desc) { ch <- b.desc }

// Collect implements prometheus.Collector. Of the hosts that share a label it shows the worst.
func (b breakerCollector) Collect(ch chan<- prometheus.Metric) {
	worst := make(map[string]state)
	for _, loc := range b.locations() {
		worst[loc.label] = max(worst[loc.label], loc.health.state())
	}
	for label, s := range worst {
		ch <- prometheus.MustNewConstMetric(b.desc, prometheus.GaugeValue, float64(s), label)
	}
}
