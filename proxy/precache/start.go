package precache

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrConflict says that the content is being fetched from elsewhere.
	ErrConflict = errors.New("the content is being fetched from elsewhere")
	// ErrTooMany says that as many jobs are running as may be.
	ErrTooMany = errors.New("too many jobs are running")
	// ErrClosed says that the program ends.
	ErrClosed = errors.New("no job is taken any more: the program ends")
)

// maxRunning is how many jobs may run at a time, dry runs included. They share the slots for files, so that more of them
// finish nothing sooner.
const maxRunning = 32

// Start begins a job, and returns it as it is then. A second job for one content joins the first: joined is true, and the job
// is the one that is running. One for the same content from another place is refused, since both would write the same objects.
// Dry runs, and jobs that were canceled, are in nobody's way. An error is ErrRequest, ErrConflict, ErrTooMany, ErrClosed, or
// says why the job's file cannot be written: a job that would not outlive the program is none.
func (m *Jobs) Start(r Request) (started Job, joined bool, err error) {
	a, err := understand(r)
	if err != nil {
		return Job{}, false, err
	}
	m.starts.Lock()
	defer m.starts.Unlock()
	other, err := m.room(a)
	if err != nil {
		return Job{}, false, err
	}
	if other != nil {
		return other.show(0, 0), true, nil
	}
	j := m.newJob(newID(), a, m.config.Now(), false)
	if !a.DryRun {
		if err := m.folder.write(saved(j.show(0, 0))); err != nil {
			return Job{}, false, fmt.Errorf("keeping the job: %w", err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		m.folder.remove(j.id)
		return Job{}, false, ErrClosed
	}
	started = j.show(0, 0)
	m.launch(j)
	m.log.Info("a job was begun", "job", j.id, "content", a.Content, "version", a.number, "from", a.From, "dry_run", a.DryRun)
	return started, false, nil
}

// room returns the job that a new one joins, nil when there is none, or why the new one cannot run. m.starts is held.
func (m *Jobs) room(a asked) (other *job, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	i := slices.IndexFunc(m.running, func(j *job) bool {
		return !a.DryRun && !j.asked.DryRun && !j.canceled && j.asked.same(a)
	})
	switch {
	case i >= 0 && m.running[i].asked.From != a.From:
		return nil, fmt.Errorf("%w, by the job %s", ErrConflict, m.running[i].id)
	case i >= 0:
		return m.running[i], nil
	case len(m.running) >= maxRunning:
		return nil, fmt.Errorf("%w: %d", ErrTooMany, len(m.running))
	}
	return nil, nil
}

// idBytes is how long an ID is, before it is written in hex.
const idBytes = 8

func newID() string {
	var id [idBytes]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
