package cache

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the cache does. Served bytes minus filled and direct bytes is what the line was spared.
type metrics struct {
	stored, waited, direct   prometheus.Counter
	filled, records, corrupt prometheus.Counter
	evictions, evictedBytes  prometheus.Counter
	fills                    *prometheus.CounterVec
}

func newMetrics(c *Cache, reg prometheus.Registerer) *metrics {
	served := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "branchpoint_cache_served_bytes_total",
		Help: "Bytes given to clients: stored were on disk, waited were being fetched, direct passed a disk that could not take them.",
	}, []string{"from"})
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "branchpoint_cache_" + name, Help: help})
	}
	m := &metrics{
		stored: served.WithLabelValues("stored"), waited: served.WithLabelValues("waited"), direct: served.WithLabelValues("direct"),
		filled:       counter("filled_bytes_total", "Bytes from upstream that were written to disk."),
		records:      counter("records_total", "Records written, each after a sync of the bytes that it claims."),
		corrupt:      counter("corrupt_slices_total", "Slices on disk that were unreadable or did not fit their checksum."),
		evictions:    counter("evictions_total", "Objects removed to make room."),
		evictedBytes: counter("evicted_bytes_total", "Bytes removed to make room."),
		fills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_cache_fills_total", Help: "Windows fetched from upstream, by how they ended.",
		}, []string{"outcome"}),
	}
	if reg == nil {
		return m
	}
	gauge := func(name, help string, value func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "branchpoint_cache_" + name, Help: help},
			func() float64 { return value(c.Status()) })
	}
	reg.MustRegister(served, m.filled, m.records, m.corrupt, m.evictions, m.evictedBytes, m.fills,
		gauge("size_bytes", "Bytes that the cache takes of its budget.", func(s Status) float64 { return float64(s.Bytes) }),
		gauge("limit_bytes", "The budget in bytes.", func(s Status) float64 { return float64(s.MaxBytes) }),
		gauge("objects", "Objects known.", func(s Status) float64 { return float64(s.Objects) }),
		gauge("healthy", "1 when the disk takes what is to be stored, 0 when clients are served past it.", func(s Status) float64 {
			if s.State == StateOK {
				return 1
			}
			return 0
		}))
	return m
}

// fill counts the end of a fill.
func (m *metrics) fill(err error) {
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "complete"
	case errors.Is(err, ErrChanged):
		outcome = "changed"
	case errors.Is(err, errStorage):
		outcome = "not_stored"
	case errors.Is(err, ErrRefused):
		outcome = "refused"
	case errors.Is(err, ErrMissing):
		outcome = "missing"
	case errors.Is(err, ErrUnreachable):
		outcome = "unreachable"
	}
	m.fills.WithLabelValues(outcome).Inc()
}
