package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"branchpoint/admin"
	"branchpoint/proxy/precache"
)

const precachePath = "/api/v1/precache"

const (
	// precacheEvery is how often it is asked how a job is doing.
	precacheEvery = 250 * time.Millisecond
	// precachePatience is how long a service may not answer that is being restarted.
	precachePatience = 30 * time.Second
	// precachePage is how many files are asked for at a time.
	precachePage = 1000
)

// precacheWatch follows one job.
type precacheWatch struct {
	address, token string
	job            precache.Job
	joined         bool
	screen         precacheScreen
	interrupted    func() // is called at the first interrupt
	patience       time.Duration
}

func newPrecacheWatch(address, token string, started admin.PrecacheStarted, screen precacheScreen) *precacheWatch {
	return &precacheWatch{
		address: address, token: token, job: started.Job, joined: started.Joined, screen: screen,
		interrupted: func() {}, patience: precachePatience,
	}
}

// follow shows the job until it has ended. The end of ctx cancels it, unless it is somebody else's.
func (w *precacheWatch) follow(ctx context.Context) (precache.Job, error) {
	again := time.NewTicker(precacheEvery)
	defer again.Stop()
	interrupt, seen := ctx.Done(), time.Now()
	for {
		err := w.look()
		switch {
		case err == nil:
			seen = time.Now()
			w.screen.show(w.job)
		case isAnswer(err) || time.Since(seen) > w.patience:
			return w.job, fmt.Errorf("following the job %s: %w", w.job.ID, err)
		}
		if w.job.State.Ended() {
			return w.job, nil
		}
		select {
		case <-again.C:
		case <-interrupt:
			interrupt = nil
			w.interrupted()
			if err := w.cancel(); err != nil {
				return w.job, err
			}
		}
	}
}

// isAnswer tells an answer that will not become another one from a service that is not there now.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*apiError](err)
	return ok
}

// look asks how the job is doing.
func (w *precacheWatch) look() error {
	j, err := w.ask(http.MethodGet, url.Values{"limit": {"0"}})
	if err == nil {
		w.job = j
	}
	return err
}

// errGoesOn is what Ctrl-C means for a job that somebody else began.
var errGoesOn = errors.New("the job goes on: it was running before this command")

// cancel ends the job that this command began.
func (w *precacheWatch) cancel() error {
	if w.joined {
		return fmt.Errorf("%w (%s)", errGoesOn, w.job.ID)
	}
	if _, err := w.ask(http.MethodDelete, nil); err != nil {
		return fmt.Errorf("canceling the job %s, which goes on: %w", w.job.ID, err)
	}
	return nil
}

// files returns all files of the job.
func (w *precacheWatch) files() (all []precache.File, err error) {
	for {
		j, err := w.ask(http.MethodGet, url.Values{"limit": {strconv.Itoa(precachePage)}, "offset": {strconv.Itoa(len(all))}})
		if err != nil {
			return nil, fmt.Errorf("asking for the files of the job %s: %w", w.job.ID, err)
		}
		all = append(all, j.Files...)
		if len(j.Files) < precachePage {
			return all, nil
		}
	}
}

// ask puts a question about the job.
func (w *precacheWatch) ask(method string, query url.Values) (j precache.Job, err error) {
	call := apiCall{method: method, address: w.address, path: precachePath + "/" + w.job.ID, query: query}
	if method != http.MethodGet {
		call.token = w.token
	}
	body, err := call.do()
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(body, &j); err != nil || j.ID != w.job.ID {
		return j, fmt.Errorf("%s: the answer cannot be read, so %w", w.address, errStranger)
	}
	return j, nil
}
