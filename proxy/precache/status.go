package precache

import "time"

// State is how far a job is.
type State string

// A job goes through these from the first to one of the last three.
const (
	// StateLocating means that somebody is looked for who has the content.
	StateLocating State = "locating"
	// StateListing means that a place is asked for its list of files, and the cache for what is there.
	StateListing State = "listing"
	// StateFetching means that files are being fetched.
	StateFetching State = "fetching"
	// StateDone means that every file is there. Of a dry run it means that the files are known.
	StateDone State = "done"
	// StateFailed means that a file is not there, or that the job ended before it came to files: see Job.Reason.
	StateFailed State = "failed"
	// StateCanceled means that somebody ended it.
	StateCanceled State = "canceled"
)

// Ended tells whether nothing more will happen.
func (s State) Ended() bool { return s == StateDone || s == StateFailed || s == StateCanceled }

// Result is what became of a file.
type Result string

// The results.
const (
	// ResultPending means that its turn has not come. Of a job that has ended, or a dry run: it was not fetched.
	ResultPending Result = "pending"
	// ResultFetching means that it is being fetched.
	ResultFetching Result = "fetching"
	// ResultFetched means that this job has brought at least a part of it, and it is all there.
	ResultFetched Result = "fetched"
	// ResultThere means that it was all there already.
	ResultThere Result = "already there"
	// ResultMissing means that the place lists it and does not have it.
	ResultMissing Result = "missing"
	// ResultFailed means that it is not all there: see File.Reason.
	ResultFailed Result = "failed"
)

// File is one file of a job.
type File struct {
	// Path in the content, as the list has it.
	Path string `json:"path"`
	// Size in bytes, as the list or, later, the server has it.
	Size int64 `json:"size"`
	// Stored bytes of them are in the cache.
	Stored int64  `json:"stored"`
	Result Result `json:"result"`
	// Reason says why Result is "failed". Empty otherwise.
	Reason string `json:"reason,omitempty"`
}

// Counts is how many files have which Result.
type Counts struct {
	// Files is the sum of the others.
	Files    int `json:"files"`
	Pending  int `json:"pending"`
	Fetching int `json:"fetching"`
	Fetched  int `json:"fetched"`
	There    int `json:"there"`
	Missing  int `json:"missing"`
	Failed   int `json:"failed"`
}

// of returns where a result is counted.
func (c *Counts) of(r Result) *int {
	switch r {
	case ResultFetching:
		return &c.Fetching
	case ResultFetched:
		return &c.Fetched
	case ResultThere:
		return &c.There
	case ResultMissing:
		return &c.Missing
	case ResultFailed:
		return &c.Failed
	}
	return &c.Pending
}

// Job is one job as it is at a moment. It holds no secret.
type Job struct {
	// ID names it, here and in the admin API.
	ID string `json:"id"`
	Request
	State State `json:"state"`
	// Reason says why State is "failed". Empty otherwise.
	Reason string `json:"reason,omitempty"`
	// Resumed says that it was begun by an earlier run of the program. What that run fetched is "already there".
	Resumed bool `json:"resumed,omitempty"`
	// Place is the URL of the folder that was listed, or names the cloud distribution point. Empty: not known yet.
	Place string `json:"place,omitempty"`
	// Created is when it was asked for, Ended when it ended, zero before.
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended,omitzero"`
	// Counts of its files. All zero: they are not listed yet.
	Counts Counts `json:"counts"`
	// Size of its files in bytes, and Stored of them are in the cache.
	Size   int64 `json:"size"`
	Stored int64 `json:"stored"`
	// Fetched bytes were brought since it was begun, or resumed. What others fetched of the same files meanwhile counts.
	Fetched int64 `json:"fetched"`
	// BytesPerSecond is how fast bytes came in the last ten seconds. Zero: none did, or it has ended.
	BytesPerSecond int64 `json:"bytes_per_second,omitempty"`
	// SecondsLeft is how long the rest takes at that speed. Zero: nobody knows.
	SecondsLeft int64 `json:"seconds_left,omitempty"`
	// Active files are being fetched.
	Active []File `json:"active,omitempty"`
	// Files are those that were asked for, in the order of their paths. Of a job that ended long ago, or before the program
	// was started, only the first 100 are kept that are missing or failed.
	Files []File `json:"files,omitempty"`
}
