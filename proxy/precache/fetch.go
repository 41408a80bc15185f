package precache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

const (
	// fetchTries is how often a file is tried whose servers did not answer. Each try goes through all of them, as often as
	// the settings for downloads say.
	fetchTries = 3
	// fetchAgain is the pause before the next try, which comes when all other files have had their turn.
	fetchAgain = 15 * time.Second
)

// fetchAll fetches every file that is pending. It returns an error only when ctx ends.
func (j *job) fetchAll(ctx context.Context) error {
	j.meter.start(j.owner.config.Now())
	var todo []*file
	for _, f := range j.files {
		if f.result == ResultPending {
			todo = append(todo, f)
		}
	}
	for try := range fetchTries {
		if try > 0 {
			if err := wait(ctx, fetchAgain); err != nil {
				return err
			}
		}
		if todo = j.pass(ctx, todo); len(todo) == 0 {
			break
		}
	}
	return context.Cause(ctx)
}

// pass has each of the files fetched once, several side by side, and returns those that are worth another try.
func (j *job) pass(ctx context.Context, todo []*file) (again []*file) {
	var next atomic.Int64
	retry := make([]bool, len(todo))
	var workers sync.WaitGroup
	for range min(j.owner.config.Parallel, len(todo)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(todo) {
					return
				}
				retry[i] = j.turn(ctx, todo[i])
			}
		})
	}
	workers.Wait()
	for i, f := range todo {
		if retry[i] {
			again = append(again, f)
		}
	}
	return again
}

// turn fetches one file when a slot is free, and tells whether to try again later.
func (j *job) turn(ctx context.Context, f *file) (again bool) {
	select {
	case j.owner.slots <- struct{}{}:
		defer func() { <-j.owner.slots }()
	case <-ctx.Done():
		return false
	}
	j.settle(f, ResultFetching, "")
	result, err := j.fetch(ctx, f)
	switch {
	case ctx.Err() != nil:
		j.settle(f, ResultPending, "")
		return false
	case err == nil:
		j.settle(f, result, "")
	case errors.Is(err, cache.ErrMissing):
		j.settle(f, ResultMissing, "")
	default:
		target, _ := j.targetOf(f)
		f.stored.Store(max(j.owner.stored(target, f.size), 0))
		j.settle(f, ResultFailed, err.Error())
		j.owner.log.Debug("a file was not fetched", "job", j.id, "file", f.path, "error", err)
		return !errors.Is(err, cache.ErrRefused) || errors.Is(err, cache.ErrUnreachable)
	}
	return false
}

// fetch brings one file into the cache. It begins anew when the file changes in the middle, and with a new signed URL when
// the old one has ended.
func (j *job) fetch(ctx context.Context, f *file) (result Result, err error) {
	for range 2 {
		target, listed := j.targetOf(f)
		if ended(target, j.owner.config.Now()) && j.relist(ctx, listed) {
			target, listed = j.targetOf(f)
		}
		result, err = j.fill(ctx, f, target)
		switch {
		case errors.Is(err, cache.ErrChanged):
		case errors.Is(err, cache.ErrRefused) && j.relist(ctx, listed):
		default:
			return result, err
		}
	}
	return result, err
}

// ended tells whether a signed URL is good no longer.
func ended(t content.Target, now time.Time) bool { return !t.Until.IsZero() && !now.Before(t.Until) }

// targetOf returns how a file is asked for, and when the list was made that says so.
func (j *job) targetOf(f *file) (content.Target, time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return f.target, j.listed
}
