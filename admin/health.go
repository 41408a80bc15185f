package admin

import (
	"io"
	"net/http"
	"time"

	"branchpoint/cache"
)

// Check is one thing that is not as it should be.
type Check struct {
	// Name is "cache", "upstream", "listener", "site", "registration" or "certificate".
	Name   string `json:"name"`
	Reason string `json:"reason"`
	// Since is when it began; zero when nobody knows.
	Since time.Time `json:"since,omitzero"`
}

// ready is the answer of /readyz when all is well.
type ready struct {
	Status string `json:"status"`
	// Notes are what somebody should know all the same.
	Notes []Check `json:"notes,omitempty"`
}

// stillServing is said whenever something fails: a load balancer may turn away, and nobody needs to panic.
const stillServing = "Clients are still served where that is possible: a cache that cannot store is passed by, and stored " +
	"content needs no distribution point."

// serveHealth says that the process is alive, and nothing more.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // a client that is gone
}

// serveReady says whether everything works as it should.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) error {
	if failing := s.checks(); len(failing) > 0 {
		writeProblem(w, Problem{Status: http.StatusServiceUnavailable, Detail: stillServing, Checks: failing})
		return nil
	}
	return writeJSON(w, http.StatusOK, ready{"ready", s.notes()})
}

// checks returns what fails.
func (s *Server) checks() (failing []Check) {
	if c := s.config.Store.Status(); c.State != cache.StateOK {
		failing = append(failing, Check{"cache", "the cache is " + string(c.State) + ": " + c.Reason, c.Since})
	}
	if since, out := s.allOut(); out {
		failing = append(failing, Check{"upstream", "no configured distribution point can be reached", since})
	}
	failing = append(failing, s.siteChecks()...)
	for _, l := range s.config.Listeners() {
		if !l.Up {
			reason := "the listener " + l.Name + " at " + l.Address + " takes no clients"
			failing = append(failing, Check{Name: "listener", Reason: reason})
		}
	}
	return failing
}

// allOut tells whether every configured distribution point is out of use, and since when the last of them is. Without
// configured ones nobody knows what should be reachable.
func (s *Server) allOut() (since time.Time, out bool) {
	for _, l := range s.config.Upstreams.Status() {
		if !l.Configured {
			continue
		}
		if l.State != breakerOpen {
			return time.Time{}, false
		}
		if out = true; l.Since.After(since) {
			since = l.Since
		}
	}
	return since, out
}
