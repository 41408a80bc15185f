package admin

import (
	"net/http"

	"branchpoint/proxy"
)

// Learned is which request headers clients send to servers that take tokens.
type Learned interface {
	Learned() []proxy.LearnedHost
	ForgetLearned()
}

// LearnedList is the answer of /api/v1/learned. It has the names of headers, never a value.
type LearnedList struct {
	Hosts []proxy.LearnedHost `json:"hosts"`
}

func (s *Server) serveLearned(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, LearnedList{append([]proxy.LearnedHost{}, s.config.Learned.Learned()...)})
}

// forgetLearned begins anew, so that what is learned from now on is that of the client that is being looked at.
func (s *Server) forgetLearned(w http.ResponseWriter, _ *http.Request) error {
	s.config.Learned.ForgetLearned()
	s.log.Info("what was learned of request headers was forgotten")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
