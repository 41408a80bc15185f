package precache

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what jobs do.
type metrics struct {
	jobs, files *prometheus.CounterVec
	bytes       prometheus.Counter
	all         []prometheus.Collector
}

// newMetrics makes and registers the metrics. running is how many jobs are running.
func newMetrics(reg prometheus.Registerer, running func() int) (*metrics, error) {
	m := &metrics{
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_precache_jobs_total", Help: "Jobs that have ended, by how; dry runs excepted.",
		}, []string{"state"}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "branchpoint_precache_files_total", Help: "Files of jobs that have ended, by what became of them; dry runs excepted.",
		}, []string{"result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "branchpoint_precache_fetched_bytes_total", Help: "Bytes that came into the cache while a job waited for them.",
		}),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "branchpoint_precache_jobs_running", Help: "Jobs that are running, dry runs included.",
	}, func() float64 { return float64(running()) })
	m.all = []prometheus.Collector{m.jobs, m.files, m.bytes, gauge}
	if reg == nil {
		return m, nil
	}
	for i, c := range m.all {
		if err := reg.Register(c); err != nil {
			for _, done := range m.all[:i] {
				reg.Unregister(done)
			}
			return nil, errors.Join(errors.New("a metric cannot be registered"), err)
		}
	}
	return m, nil
}

func (m *metrics) unregister(reg prometheus.Registerer) {
	if reg == nil {
		return
	}
	for _, c := range m.all {
		reg.Unregister(c)
	}
}

// ended counts a job and its files.
func (m *metrics) ended(j Job) {
	if j.DryRun {
		return
	}
	m.jobs.WithLabelValues(string(j.State)).Inc()
	for _, r := range []Result{ResultPending, ResultFetched, ResultThere, ResultMissing, ResultFailed} {
		if n := *j.Counts.of(r); n > 0 {
			m.files.WithLabelValues(string(r)).Add(float64(n))
		}
	}
}
