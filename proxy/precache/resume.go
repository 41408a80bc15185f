package precache

import "slices"

// resume reads the files of the jobs, and goes on with those that have not ended. A file that cannot be read is left alone:
// people may want to look at it.
func (m *Jobs) resume() error {
	ids, err := m.folder.ids()
	if err != nil {
		return err
	}
	var unfinished []*job
	for _, id := range ids {
		r, a, err := m.folder.read(id)
		switch {
		case err != nil:
			m.log.Warn("the file of a job cannot be read", "job", id, "error", err)
		case r.Ended != nil:
			m.ended = append(m.ended, r.job())
		default:
			unfinished = append(unfinished, m.newJob(id, a, r.Created, true))
		}
	}
	slices.SortStableFunc(m.ended, func(a, b Job) int { return a.Ended.Compare(b.Ended) })
	for ; len(m.ended) > maxEnded; m.ended = m.ended[1:] {
		m.folder.remove(m.ended[0].ID)
	}
	slices.SortStableFunc(unfinished, func(a, b *job) int { return a.created.Compare(b.created) })
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range unfinished {
		m.log.Info("a job goes on", "job", j.id, "content", j.asked.Content)
		m.launch(j)
	}
	return nil
}
