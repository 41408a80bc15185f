package admin

import (
	"net/http"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/tokenbroker/site"
)

// Status is the answer of /api/v1/status: how everything is doing, in one page.
type Status struct {
	Version       string    `json:"version"`
	Started       time.Time `json:"started"`
	UptimeSeconds int64     `json:"uptime_seconds"`
	// Ready and Checks are what /readyz says.
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
	// Notes are what somebody should know although nothing fails.
	Notes     []Check         `json:"notes"`
	Listeners []Listener      `json:"listeners"`
	Cache     cache.Status    `json:"cache"`
	Totals    Totals          `json:"totals"`
	Upstreams UpstreamSummary `json:"upstreams"`
	// Site is that of this machine. Absent: it has none.
	Site *site.Status `json:"site,omitempty"`
	// Interception tells what becomes of HTTPS to hosts of ours.
	Interception proxy.Interception `json:"interception"`
	Scrub        ScrubStatus        `json:"scrub"`
}

// UpstreamSummary counts distribution points.
type UpstreamSummary struct {
	Configured int `json:"configured"`
	// Learned ones were named by clients, or by the site.
	Learned int `json:"learned"`
	// Open ones, of either kind, are out of use for now.
	Open int `json:"open"`
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) error {
	totals, err := s.totals()
	if err != nil {
		return err
	}
	checks := s.checks()
	return writeJSON(w, http.StatusOK, Status{
		Version: s.config.Version, Started: s.started, UptimeSeconds: int64(time.Since(s.started).Seconds()),
		Ready: len(checks) == 0, Checks: append([]Check{}, checks...), Notes: append([]Check{}, s.notes()...),
		Listeners: append([]Listener{}, s.config.Listeners()...), Site: s.siteStatus(),
		Cache: s.config.Store.Status(), Totals: totals, Upstreams: s.upstreamSummary(),
		Interception: s.config.Interception(), Scrub: s.scrub.status(),
	})
}

func (s *Server) upstreamSummary() (sum UpstreamSummary) {
	for _, l := range s.config.Upstreams.Status() {
		if l.Configured {
			sum.Configured++
		} else {
			sum.Learned++
		}
		if l.State == breakerOpen {
			sum.Open++
		}
	}
	return sum
}
