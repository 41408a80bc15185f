package admin

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (s *Server) registerMetrics() error {
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "branchpoint_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": s.config.Version},
	}, func() float64 { return 1 })
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "branchpoint_ready", Help: "1 when /readyz finds nothing wrong, otherwise 0.",
	}, func() float64 {
		if len(s.checks()) > 0 {
			return 0
		}
		return 1
	})
	for _, c := range []prometheus.Collector{
		build, ready, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := s.config.Registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// metricsHandler serves what can be had: one collector that fails must not blind the rest.
func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.config.Registry, promhttp.HandlerOpts{
		ErrorLog: metricsLog{s.log}, ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true,
	})
}

// metricsLog is a promhttp.Logger.
type metricsLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l metricsLog) Println(v ...any) { l.log.Warn("metrics: " + fmt.Sprint(v...)) }
