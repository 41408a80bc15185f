package precache

import "slices"

// Jobs returns all jobs, the newest first, without their files.
func (m *Jobs) Jobs() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Job, 0, len(m.running)+len(m.ended))
	for _, j := range m.running {
		list = append(list, j.show(0, 0))
	}
	for _, e := range m.ended {
		e.Files = nil
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b Job) int { return b.Created.Compare(a.Created) })
	return list
}

// Job returns one job with at most n of its files, from offset on, in the order of their paths; n below zero means all of
// them. It is false when there is no such job.
func (m *Jobs) Job(id string, offset, n int) (Job, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.find(id); j != nil {
		return j.show(offset, n), true
	}
	if i := m.findEnded(id); i >= 0 {
		e := m.ended[i]
		e.Files = part(e.Files, offset, n)
		return e, true
	}
	return Job{}, false
}

// Cancel ends a running job: it stops in a moment, and what it has brought stays in the cache. A job that has ended is
// forgotten. Cancel returns the job as it was, false when there is none.
func (m *Jobs) Cancel(id string) (Job, bool) {
	m.starts.Lock() // one change of files at a time
	defer m.starts.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.find(id); j != nil {
		j.canceled = true
		j.cancel(errCanceled)
		m.log.Info("a job was canceled", "job", id, "content", j.asked.Content)
		return j.show(0, 0), true
	}
	i := m.findEnded(id)
	if i < 0 {
		return Job{}, false
	}
	gone := m.ended[i]
	gone.Files = nil
	m.ended = slices.Delete(m.ended, i, i+1)
	m.folder.remove(id)
	return gone, true
}

// find: m.mu is held.
func (m *Jobs) find(id string) *job {
	i := slices.IndexFunc(m.running, func(j *job) bool { return j.id == id })
	if i < 0 {
		return nil
	}
	return m.running[i]
}

// findEnded: m.mu is held.
func (m *Jobs) findEnded(id string) int {
	return slices.IndexFunc(m.ended, func(e Job) bool { return e.ID == id })
}

const (
	// maxEnded is how many jobs are remembered that have ended.
	maxEnded = 64
	// maxShown is how many files of those are remembered in all, those of the last one excepted.
	maxShown = 100_000
	// maxProblems is how many files of a job are remembered for ever: missing or failed ones.
	maxProblems = 100
)

// keep makes a running job one that has ended, and forgets what there is no room for.
func (m *Jobs) keep(j *job, final Job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = slices.DeleteFunc(m.running, func(r *job) bool { return r == j })
	m.ended = append(m.ended, final)
	for len(m.ended) > maxEnded {
		m.folder.remove(m.ended[0].ID)
		m.ended = slices.Delete(m.ended, 0, 1)
	}
	shown := 0
	for i := len(m.ended) - 1; i >= 0; i-- {
		if shown += len(m.ended[i].Files); shown > maxShown && i < len(m.ended)-1 {
			m.ended[i].Files = problems(m.ended[i].Files)
		}
	}
}

// problems returns the first files that are missing or failed.
func problems(files []File) (bad []File) {
	for _, f := range files {
		if (f.Result == ResultMissing || f.Result == ResultFailed) && len(bad) < maxProblems {
			bad = append(bad, f)
		}
	}
	return bad
}
