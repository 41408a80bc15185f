package precache

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// record is what a job's file holds: what was asked for and, once it has ended, what came of it. It has no list of files:
// that is asked for again, and the cache knows what is done.
type record struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Request Request   `json:"request"`
	Created time.Time `json:"created"`
	// Ended is nil while the job is running.
	Ended *outcome `json:"ended,omitempty"`
}

// outcome is what came of a job.
type outcome struct {
	State    State     `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Resumed  bool      `json:"resumed,omitempty"`
	Place    string    `json:"place,omitempty"`
	At       time.Time `json:"at"`
	Counts   Counts    `json:"counts"`
	Size     int64     `json:"size"`
	Stored   int64     `json:"stored"`
	Fetched  int64     `json:"fetched"`
	Problems []File    `json:"problems,omitempty"`
}

const recordFormat = 1

// saved is the record of a job.
func saved(j Job) record {
	r := record{Format: recordFormat, ID: j.ID, Request: j.Request, Created: j.Created}
	if j.State.Ended() {
		r.Ended = &outcome{
			State: j.State, Reason: j.Reason, Resumed: j.Resumed, Place: j.Place, At: j.Ended, Counts: j.Counts,
			Size: j.Size, Stored: j.Stored, Fetched: j.Fetched, Problems: problems(j.Files),
		}
	}
	return r
}

// job is the reverse of saved.
func (r record) job() Job {
	j := Job{ID: r.ID, Request: r.Request, State: StateLocating, Created: r.Created}
	if e := r.Ended; e != nil {
		j.State, j.Reason, j.Resumed, j.Place, j.Ended = e.State, e.Reason, e.Resumed, e.Place, e.At
		j.Counts, j.Size, j.Stored, j.Fetched, j.Files = e.Counts, e.Size, e.Stored, e.Fetched, e.Problems
	}
	return j
}

// maxRecord is far above any record of ours: maxProblems files with the longest paths and reasons.
const maxRecord = 1 << 20

// readRecord reads a job's file, whose name says which job it is. What is not exactly a record is none.
func readRecord(data []byte, id string) (record, asked, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return record{}, asked{}, fmt.Errorf("it is no record of a job: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return record{}, asked{}, errors.New("there is more than a record in it")
	}
	if r.Format != recordFormat || r.ID != id || !isID(id) || r.Request.DryRun {
		return record{}, asked{}, errors.New("it is a record of something else")
	}
	if r.Ended != nil && !r.Ended.State.Ended() {
		return record{}, asked{}, errors.New("the job has ended in a state that is no end")
	}
	a, err := understand(r.Request)
	return r, a, err
}

// isID tells whether a text is an ID of a job. It then can be the name of a file.
func isID(text string) bool {
	id, err := hex.DecodeString(text)
	return err == nil && len(id) == idBytes && hex.EncodeToString(id) == text
}
