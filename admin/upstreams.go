package admin

import (
	"net/http"

	"branchpoint/proxy/upstream"
)

// breakerOpen is the state of a distribution point that is out of use.
const breakerOpen = "open"

// UpstreamList is the answer of /api/v1/upstreams: the configured ones in their order, then those that clients named.
type UpstreamList struct {
	Upstreams []upstream.LocationStatus `json:"upstreams"`
}

func (s *Server) serveUpstreams(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, UpstreamList{append([]upstream.LocationStatus{}, s.config.Upstreams.Status()...)})
}
