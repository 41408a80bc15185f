package admin

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Problem is the body of every error (RFC 9457). Its type is always "about:blank": the status tells what kind it is.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong with this request, and what would be right. It repeats nothing of a request body.
	Detail string `json:"detail,omitempty"`
	// Checks are the failing checks of /readyz; absent elsewhere.
	Checks []Check `json:"checks,omitempty"`
	// Problems are what is wrong with a configuration file; absent but in the answer of /api/v1/reload.
	Problems []ConfigProblem `json:"problems,omitempty"`
}

// failure is an error that has a status of its own, and a text that may be shown.
type failure struct {
	status int
	detail string
}

func (f *failure) Error() string { return f.detail }

// handle turns a handler that returns an error into one that answers it.
func (s *Server) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fail answers an error. One that has no status of its own is ours, and its text is for the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = &failure{http.StatusRequestEntityTooLarge, tooLarge.Error()}
	}
	known, ok := errors.AsType[*failure](err)
	if !ok {
		s.log.Error("an admin request failed", "method", r.Method, "error", err)
		known = &failure{http.StatusInternalServerError, "internal error; the log says more"}
	}
	writeProblem(w, Problem{Status: known.status, Detail: known.detail})
}

// writeProblem completes and sends a problem.
func writeProblem(w http.ResponseWriter, p Problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone
}

// writeJSON sends a result.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone
	return nil
}
