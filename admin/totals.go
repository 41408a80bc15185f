package admin

import (
	"fmt"

	dto "github.com/prometheus/client_model/go"
)

// Totals is what happened since the program was started.
type Totals struct {
	// Requests of all kinds that were answered, and those that are being answered.
	Requests       int64 `json:"requests"`
	ActiveRequests int64 `json:"active_requests"`
	// ServedBytes of content went to clients. HitBytes of them were on disk when a client came to them; the rest was being
	// fetched, for this client or for another one.
	ServedBytes int64 `json:"served_bytes"`
	HitBytes    int64 `json:"hit_bytes"`
	// UpstreamBytes of content came from distribution points.
	UpstreamBytes int64 `json:"upstream_bytes"`
	// HitRatio is HitBytes of ServedBytes, from 0 to 1; 0 when nothing was served.
	HitRatio float64 `json:"hit_ratio"`
	// SavedBytes is what did not cross the line: ServedBytes less UpstreamBytes. It is negative while more was fetched ahead
	// than clients have taken.
	SavedBytes int64 `json:"saved_bytes"`
}

// totals reads the metrics: whatever is counted is counted once.
func (s *Server) totals() (Totals, error) {
	families, err := s.config.Registry.Gather()
	if err != nil && len(families) == 0 {
		return Totals{}, fmt.Errorf("gathering metrics: %w", err)
	}
	var t Totals
	for _, f := range families {
		switch f.GetName() {
		case "branchpoint_requests_total":
			t.Requests = sum(f, "", "")
		case "branchpoint_requests_active":
			t.ActiveRequests = sum(f, "", "")
		case "branchpoint_cache_served_bytes_total":
			t.ServedBytes, t.HitBytes = sum(f, "", ""), sum(f, "from", "stored")
		case "branchpoint_upstream_bytes_total":
			t.UpstreamBytes = sum(f, "", "")
		}
	}
	t.SavedBytes = t.ServedBytes - t.UpstreamBytes
	if t.ServedBytes > 0 {
		t.HitRatio = float64(t.HitBytes) / float64(t.ServedBytes)
	}
	return t, nil
}

// sum adds up the counters and gauges of a family that have the label; an empty name takes all.
func sum(f *dto.MetricFamily, name, value string) int64 {
	var total float64
	for _, m := range f.GetMetric() {
		if name == "" || hasLabel(m, name, value) {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return int64(total)
}

func hasLabel(m *dto.Metric, name, value string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue() == value
		}
	}
	return false
}
