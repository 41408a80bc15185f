package precache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errCanceled is why a job stops that somebody canceled.
var errCanceled = errors.New("the job was canceled")

// launch runs a job. m.mu is held.
func (m *Jobs) launch(j *job) {
	var ctx context.Context
	ctx, j.cancel = context.WithCancelCause(m.ctx)
	m.running = append(m.running, j)
	m.work.Go(func() {
		defer j.cancel(nil)
		m.end(j, j.run(ctx), context.Cause(ctx))
	})
}

// run does all of a job. An error says why it came to no files, or was stopped.
func (j *job) run(ctx context.Context) error {
	l, err := j.find(ctx)
	if err != nil {
		return err
	}
	j.take(l)
	if err := j.survey(ctx); err != nil {
		return err
	}
	if err := j.fits(); err != nil || j.asked.DryRun {
		return err
	}
	j.enter(StateFetching)
	if err := j.fetchAll(ctx); err != nil {
		return err
	}
	j.confirm()
	return nil
}

const (
	// findAgain is how long a resumed job waits before it looks again for somebody who has the content: just after a start
	// the line may not be up yet.
	findAgain = 15 * time.Second
	// findTries is how often it looks. A job that somebody has just asked for looks once: he is told at once what is wrong.
	findTries = 40
)

// find returns the list of the first place that has one.
func (j *job) find(ctx context.Context) (l listing, err error) {
	tries := 1
	if j.resumed {
		tries = findTries
	}
	for try := range tries {
		if try > 0 {
			if err := wait(ctx, findAgain); err != nil {
				return listing{}, err
			}
		}
		if l, err = j.findOnce(ctx); err == nil || ctx.Err() != nil {
			return l, err
		}
		j.owner.log.Debug("a job finds nobody who has the content", "job", j.id, "content", j.asked.Content, "error", err)
	}
	return listing{}, err
}

func (j *job) findOnce(ctx context.Context) (listing, error) {
	j.enter(StateLocating)
	places, err := j.owner.places(ctx, j.asked)
	if err != nil {
		return listing{}, err
	}
	j.enter(StateListing)
	for _, p := range places {
		l, failed := j.owner.list(ctx, p)
		if failed == nil || ctx.Err() != nil {
			return l, failed
		}
		err = fmt.Errorf("%s: %w", p.label(), failed)
		j.owner.log.Debug("a place does not list a content", "job", j.id, "place", p.label(), "error", failed)
	}
	if len(places) > 1 {
		err = fmt.Errorf("none of %d places lists it; the last one, %w", len(places), err)
	}
	return listing{}, err
}

// wait returns after d, or with an error when ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end makes a running job one that has ended, unless the program ends: then its file stays as it is.
func (m *Jobs) end(j *job, failed, stopped error) {
	if errors.Is(stopped, errClosing) {
		return
	}
	final := j.final(failed, stopped)
	if !final.DryRun {
		if err := m.folder.write(saved(final)); err != nil {
			m.log.Error("the end of a job cannot be kept; it goes on after the next start", "job", j.id, "error", err)
		}
	}
	m.log.Info("a job has ended", "job", j.id, "content", final.Content, "state", string(final.State), "reason", final.Reason,
		"files", final.Counts.Files, "fetched", final.Counts.Fetched, "bytes", final.Fetched)
	m.metrics.ended(final)
	m.keep(j, final)
}

// final is what a job is in the end.
func (j *job) final(failed, stopped error) Job {
	final := j.show(0, -1)
	final.Ended = j.owner.config.Now()
	final.Active, final.BytesPerSecond, final.SecondsLeft = nil, 0, 0
	bad := final.Counts.Failed + final.Counts.Missing
	switch {
	case errors.Is(stopped, errCanceled):
		final.State = StateCanceled
	case failed != nil:
		final.State, final.Reason = StateFailed, clip(failed.Error(), 2*maxText)
	case bad > 0:
		final.State, final.Reason = StateFailed, fmt.Sprintf("%d of %d files are not all there", bad, final.Counts.Files)
	default:
		final.State = StateDone
	}
	return final
}
