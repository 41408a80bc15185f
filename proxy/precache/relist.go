package precache

import (
	"context"
	"time"
)

// relistAfter is how long after it was asked for a list may be asked for again: a storage service that refuses every signed URL is not to
// have the site asked for each file.
const relistAfter = time.Minute

// relist asks a cloud distribution point for new signed URLs when the list of that time is the one that is in use, once for
// everybody who finds its URLs refused. It tells whether there is a newer list now.
func (j *job) relist(ctx context.Context, listed time.Time) bool {
	if j.place.List == nil { // it does not change while files are fetched
		return false
	}
	select {
	case j.relists <- struct{}{}:
		defer func() { <-j.relists }()
	case <-ctx.Done():
		return false
	}
	if newer, due := j.listAge(listed); newer || !due {
		return newer
	}
	fresh, err := j.owner.list(ctx, j.place)
	if err != nil {
		j.owner.log.Debug("a list of signed URLs cannot be renewed", "job", j.id, "place", j.place.label(), "error", err)
		return false
	}
	j.renew(fresh)
	return true
}

// listAge tells whether there is a newer list than the one of that time, and otherwise whether it may be asked for again; then
// it is, by the caller.
func (j *job) listAge(listed time.Time) (newer, due bool) {
	now := j.owner.config.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.listed.After(listed) {
		return true, false
	}
	if now.Sub(j.asking) < relistAfter {
		return false, false
	}
	j.asking = now
	return false, true
}

// renew takes the URLs of a list for the files that are in it.
func (j *job) renew(fresh listing) {
	found := make(map[string]*file, len(fresh.files))
	for _, f := range fresh.files {
		found[f.path] = f
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		if renewed := found[f.path]; renewed != nil && renewed.result == ResultPending {
			f.target = renewed.target
		}
	}
	j.listed = j.owner.config.Now()
}
