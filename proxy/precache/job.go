package precache

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// job is one that is running. A job that has ended is a Job.
type job struct {
	owner   *Jobs
	id      string
	asked   asked
	created time.Time
	resumed bool
	cancel  context.CancelCauseFunc
	meter   meter
	// relists lets one goroutine at a time ask the place for its list again.
	relists chan struct{}

	canceled bool // guarded by Jobs.mu

	mu     sync.Mutex
	state  State
	place  Place
	listed time.Time // when the list came that is in use
	asking time.Time // when a list was asked for last
	files  []*file   // in the order in which they are fetched
	counts Counts
	size   int64
}

func (m *Jobs) newJob(id string, a asked, created time.Time, resumed bool) *job {
	return &job{
		owner: m, id: id, asked: a, created: created, resumed: resumed, relists: make(chan struct{}, 1), state: StateLocating,
	}
}

// enter says how far the job is.
func (j *job) enter(s State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = s
}

// take gives the job its files.
func (j *job) take(l listing) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.place, j.files, j.listed = l.place, l.files, j.owner.config.Now()
	j.asking = j.listed
	j.counts, j.size = Counts{Files: len(l.files)}, 0
	for _, f := range l.files {
		*j.counts.of(f.result)++
		j.size += f.size
	}
}

// settle says what became of a file.
func (j *job) settle(f *file, r Result, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*j.counts.of(f.result)--
	f.result, f.reason = r, clip(reason, maxText)
	*j.counts.of(r)++
}

// resize corrects the size of a file: the list was wrong, or is old.
func (j *job) resize(f *file, size int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.size += size - f.size
	f.size = size
}

// show is the job as it is now, with n of its files from offset on, in the order of their paths; n below zero means all.
func (j *job) show(offset, n int) Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Job{
		ID: j.id, Request: j.asked.Request, State: j.state, Resumed: j.resumed, Place: j.place.label(),
		Created: j.created, Counts: j.counts, Size: j.size,
	}
	for _, f := range j.files {
		s.Stored += min(f.stored.Load(), f.size)
		if f.result == ResultFetching {
			s.Active = append(s.Active, f.show())
		}
	}
	s.Fetched, s.BytesPerSecond = j.meter.read(j.owner.config.Now())
	if s.BytesPerSecond > 0 {
		s.SecondsLeft = (s.Size - s.Stored + s.BytesPerSecond - 1) / s.BytesPerSecond
	}
	if n != 0 {
		s.Files = part(j.sorted(), offset, n)
	}
	return s
}

// sorted returns the files by path. j.mu is held.
func (j *job) sorted() []File {
	list := make([]File, 0, len(j.files))
	for _, f := range j.files {
		list = append(list, f.show())
	}
	slices.SortFunc(list, func(a, b File) int { return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Size, b.Size)) })
	return list
}

// part cuts n files out of a list, from offset on; n below zero means all of them.
func part(list []File, offset, n int) []File {
	list = list[min(max(offset, 0), len(list)):]
	if n >= 0 && n < len(list) {
		list = list[:n]
	}
	return slices.Clone(list)
}
