package admin

import (
	"net/http"
	"time"

	"branchpoint/proxy/upstream"
)

// breakerOpen is the state of a distribution point that is out of use.
const breakerOpen = "open"

// Upstream is one distribution point.
type Upstream struct {
	// URL is where its plain directories are.
	URL       string `json:"url"`
	Hierarchy string `json:"hierarchy"`
	// Configured is false for one that a client named.
	Configured bool `json:"configured"`
	// State of its circuit breaker: closed, half-open or open, since then.
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// Failures in a row. LastError and LastErrorAt tell of the last one ever.
	Failures    int       `json:"failures"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	// Bytes of bodies received, and Requests begun, since the start of the program.
	Bytes    int64 `json:"bytes"`
	Requests int64 `json:"requests"`
	// LatencySeconds is the moving average of the time to the header of an answer; zero when there was none.
	LatencySeconds float64 `json:"latency_seconds"`
}

// UpstreamList is the answer of /api/v1/upstreams: the configured ones in their order, then those that clients named.
type UpstreamList struct {
	Upstreams []Upstream `json:"upstreams"`
}

func newUpstream(l upstream.LocationStatus) Upstream {
	return Upstream{
		URL: l.Scheme + "://" + l.Host, Hierarchy: l.Hierarchy, Configured: l.Configured, State: l.State, Since: l.Since,
		Failures: l.Failures, LastError: l.LastError, LastErrorAt: l.LastErrorAt, Bytes: l.Bytes, Requests: l.Requests,
		LatencySeconds: l.Latency.Seconds(),
	}
}

func (s *Server) upstreams() []Upstream {
	list := []Upstream{}
	for _, l := range s.config.Upstreams.Status() {
		list = append(list, newUpstream(l))
	}
	return list
}

func (s *Server) serveUpstreams(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, UpstreamList{s.upstreams()})
}
