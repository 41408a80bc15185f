package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"branchpoint/proxy/precache"
)

// Precache fetches contents before anyone asks.
type Precache interface {
	// Start begins a job; joined says that it is one which was running. Its errors may be shown.
	Start(r precache.Request) (j precache.Job, joined bool, err error)
	// Jobs returns all jobs, the newest first, without their files.
	Jobs() []precache.Job
	// Job returns one job with at most n of its files, from offset on; false when there is none.
	Job(id string, offset, n int) (precache.Job, bool)
	// Cancel ends a running job, or forgets one that has ended; false when there is none.
	Cancel(id string) (precache.Job, bool)
}

// PrecacheList is the answer of GET /api/v1/precache, the newest job first.
type PrecacheList struct {
	Jobs []precache.Job `json:"jobs"`
}

// PrecacheStarted is the answer of POST /api/v1/precache.
type PrecacheStarted struct {
	precache.Job
	// Joined says that the content was being fetched already: this is the job that does so.
	Joined bool `json:"joined"`
}

// maxPrecacheBody is far above what a request for a job takes.
const maxPrecacheBody = 16 << 10

// startPrecache begins a job: 202, or 200 when it joins one that is running. How it goes is told under its own path.
func (s *Server) startPrecache(w http.ResponseWriter, r *http.Request) error {
	jobs, err := s.precache()
	if err != nil {
		return err
	}
	request, err := readPrecache(w, r)
	if err != nil {
		return err
	}
	j, joined, err := jobs.Start(request)
	if err != nil {
		return notStarted(err)
	}
	w.Header().Set("Location", "/api/v1/precache/"+j.ID)
	status := http.StatusAccepted
	if joined {
		status = http.StatusOK
	}
	return writeJSON(w, status, PrecacheStarted{j, joined})
}

// notStarted gives the refusal of a job its status. Another error is ours: the disk, most likely.
func notStarted(err error) error {
	switch {
	case errors.Is(err, precache.ErrRequest):
		return &failure{http.StatusUnprocessableEntity, err.Error()}
	case errors.Is(err, precache.ErrConflict):
		return &failure{http.StatusConflict, err.Error()}
	case errors.Is(err, precache.ErrTooMany):
		return &failure{http.StatusTooManyRequests, err.Error()}
	case errors.Is(err, precache.ErrClosed):
		return &failure{http.StatusServiceUnavailable, err.Error()}
	}
	return err
}

// readPrecache reads what is to be fetched. An error repeats nothing of it: a URL may have a password in it.
func readPrecache(w http.ResponseWriter, r *http.Request) (request precache.Request, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPrecacheBody))
	d.DisallowUnknownFields()
	err = d.Decode(&request)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return request, err
	}
	if err != nil {
		return request, &failure{http.StatusBadRequest,
			`the body must be {"content": "PS100015", "version": 1, "from": "mp", "dry_run": false}; all but content may be left out`}
	}
	return request, nil
}

func (s *Server) servePrecaches(w http.ResponseWriter, _ *http.Request) error {
	jobs, err := s.precache()
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, PrecacheList{append([]precache.Job{}, jobs.Jobs()...)})
}

// servePrecache tells of one job. Query: offset (default 0) and limit (0 to 1000, default 100) of its files, which are in the
// order of their paths.
func (s *Server) servePrecache(w http.ResponseWriter, r *http.Request) error {
	jobs, err := s.precache()
	if err != nil {
		return err
	}
	limit, offset := defaultLimit, 0
	if text := r.URL.Query().Get("limit"); text == "0" {
		limit = 0
	} else if limit, err = readLimit(text); err != nil {
		return err
	}
	if text := r.URL.Query().Get("offset"); text != "" {
		if offset, err = strconv.Atoi(text); err != nil || offset < 0 {
			return &failure{http.StatusBadRequest, "offset must be a number that is not below zero"}
		}
	}
	return s.onePrecache(w, r, func(id string) (precache.Job, bool) { return jobs.Job(id, offset, limit) })
}

// cancelPrecache ends a running job. One that has ended is forgotten. What was fetched stays in the cache.
func (s *Server) cancelPrecache(w http.ResponseWriter, r *http.Request) error {
	jobs, err := s.precache()
	if err != nil {
		return err
	}
	return s.onePrecache(w, r, jobs.Cancel)
}

// onePrecache answers with the job that the path names.
func (s *Server) onePrecache(w http.ResponseWriter, r *http.Request, find func(id string) (precache.Job, bool)) error {
	id, err := pathValue(r, "id")
	if err != nil {
		return err
	}
	j, ok := find(id)
	if !ok {
		return &failure{http.StatusNotFound, "there is no such job; /api/v1/precache lists what there is"}
	}
	return writeJSON(w, http.StatusOK, j)
}

func (s *Server) precache() (Precache, error) {
	if s.config.Precache == nil {
		return nil, &failure{http.StatusServiceUnavailable, "nothing can be fetched beforehand here; the log says why"}
	}
	return s.config.Precache, nil
}
