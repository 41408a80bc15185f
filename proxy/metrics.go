package proxy

import (
	"cmp"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what clients ask for and get.
type metrics struct {
	active          prometheus.Gauge
	requests        *prometheus.CounterVec
	bytes           *prometheus.CounterVec
	seconds         *prometheus.HistogramVec
	verdicts        *prometheus.CounterVec
	panics          prometheus.Counter
	forwardFailures prometheus.Counter
	redirected      *prometheus.CounterVec
	decisions       *prometheus.CounterVec
	handshakes      *prometheus.CounterVec
	passed          *prometheus.CounterVec

	known sync.Map // counted to counters: to find them by their labels takes a hit longer than to count
}

func newMetrics(reg prometheus.Registerer) *metrics {
	labels := []string{"listener", "class", "result"}
	m := &metrics{
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "branchpoint_requests_active", Help: "Requests that are being answered."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_requests_total", Help: "Requests, by what they were and what the cache made of them."},
			append(labels, "status")),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_response_bytes_total", Help: "Body bytes sent to clients."}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "branchpoint_request_seconds", Help: "From the request's head to the answer's last byte.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10)}, labels),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_entitlement_total",
			Help: "Questions to distribution points whether a client may have a content."}, []string{"verdict"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "branchpoint_request_panics_total", Help: "Requests that ended in a panic."}),
		forwardFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "branchpoint_forward_failures_total", Help: "Forwarded requests whose destination gave no answer."}),
		redirected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_redirected_connections_total",
			Help: "Connections to transparent listeners: http and tls are answered here, passed go where they were going, direct and loop are refused."},
			[]string{"listener", "way"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_tls_connections_total",
			Help: "Connections by CONNECT, and redirected ones of TLS, by whether they were intercepted, once that is clear, and why not."},
			[]string{"listener", "decision"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_tls_handshakes_total",
			Help: "TLS handshakes with clients: done, refused (by a client that does not trust our authority), left, timeout, failed."},
			[]string{"listener", "result"}),
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_site_exchanges_total",
			Help: "Messages and lists between clients and their site, by whether they were read in passing: shown, or why not (cut, long, busy, coded)."},
			[]string{"kind", "result"}),
	}
	if reg != nil {
		reg.MustRegister(m.active, m.requests, m.bytes, m.seconds, m.verdicts, m.panics, m.forwardFailures, m.redirected,
			m.decisions, m.handshakes, m.passed)
	}
	return m
}

// counted names what an exchange counts as. There are as many as there are label values, a few hundred.
type counted struct {
	listener string
	class    class
	result   string
	status   int
}

type counters struct {
	requests, bytes prometheus.Counter
	seconds         prometheus.Observer
}

func (m *metrics) exchange(e *exchange) {
	name := counted{e.listener.Name, e.class, e.result, e.status}
	c, ok := m.known.Load(name)
	if !ok {
		c, _ = m.known.LoadOrStore(name, m.counters(name))
	}
	of := c.(counters)
	of.requests.Inc()
	of.bytes.Add(float64(e.bytes))
	of.seconds.Observe(time.Since(e.start).Seconds())
}

func (m *metrics) counters(name counted) counters {
	labels := []string{name.listener, name.class.String(), cmp.Or(name.result, "pass")}
	return counters{
		requests: m.requests.WithLabelValues(append(labels, strconv.Itoa(name.status))...),
		bytes:    m.bytes.WithLabelValues(labels...), seconds: m.seconds.WithLabelValues(labels...),
	}
}

func (m *metrics) verdict(v string) { m.verdicts.WithLabelValues(v).Inc() }

// read counts an exchange between a client and its site.
func (m *metrics) read(kind string, result passedResult) {
	m.passed.WithLabelValues(kind, string(result)).Inc()
}
