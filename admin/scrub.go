package admin

import (
	"net/http"
	"sync"
	"time"
)

// scrubPause is the rest after each slice of 1 MiB: an administrator who asks wants it sooner than the background does,
// and clients are still to be served.
const scrubPause = 5 * time.Millisecond

// ScrubStatus is the last scrub that was asked for here. The cache does more of its own accord.
type ScrubStatus struct {
	Running bool `json:"running"`
	// Started and Finished are zero when there was none.
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// Compared slices of 1 MiB; Bad ones were dropped, and are fetched again when they are needed. Known in the end.
	Compared int `json:"compared"`
	Bad      int `json:"bad"`
}

// scrub lets one scrub run at a time.
type scrub struct {
	mu   sync.Mutex
	last ScrubStatus
}

func (s *scrub) status() ScrubStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// begin returns false when one is running.
func (s *scrub) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Running {
		return false
	}
	s.last = ScrubStatus{Running: true, Started: time.Now()}
	return true
}

func (s *scrub) end(compared, bad int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.Running, s.last.Finished, s.last.Compared, s.last.Bad = false, time.Now(), compared, bad
}

// startScrub answers at once: a big cache takes hours. /api/v1/status tells how it goes.
func (s *Server) startScrub(w http.ResponseWriter, _ *http.Request) error {
	if !s.scrub.begin() {
		return &failure{http.StatusConflict, "a scrub is running; /api/v1/status tells when it has finished"}
	}
	s.log.Info("a scrub of the cache was asked for")
	s.config.Background(func() {
		compared, bad := s.config.Store.Scrub(scrubPause)
		s.scrub.end(compared, bad)
		s.log.Info("the scrub has finished", "compared", compared, "bad", bad)
	})
	return writeJSON(w, http.StatusAccepted, s.scrub.status())
}
