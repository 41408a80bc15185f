package precache

import (
	"context"
	"fmt"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// countEvery is how often the cache is asked whether it knows by now what it holds. It takes moments, once after a start.
const countEvery = 100 * time.Millisecond

// survey finds out what of the files is in the cache, without asking anybody.
func (j *job) survey(ctx context.Context) error {
	for !j.owner.config.Store.Status().Counted {
		if err := wait(ctx, countEvery); err != nil {
			return err
		}
	}
	for _, f := range j.files { // nobody changes them yet
		if f.result != ResultPending {
			continue
		}
		stored := j.owner.stored(f.target, f.size)
		f.stored.Store(max(stored, 0))
		if j.asked.DryRun && stored >= f.size {
			j.settle(f, ResultThere, "")
		}
	}
	return nil
}

// stored returns how many bytes of a file are in the cache; less than zero when it is unknown there.
func (m *Jobs) stored(t content.Target, size int64) int64 {
	most := int64(-1)
	for _, o := range m.config.Store.Generations(t.ID.Name()) {
		if o.Size == size {
			most = max(most, o.Stored)
		}
	}
	return most
}

// perFile is what the cache counts for a file besides its bytes.
const perFile = 4096

// fits refuses a job that is larger than all that the cache may hold: its last files would push out its first ones.
func (j *job) fits() error {
	budget := j.owner.config.Store.Status().MaxBytes
	j.mu.Lock()
	defer j.mu.Unlock()
	if need := j.size + perFile*int64(len(j.files)); need > budget {
		return fmt.Errorf("the content takes %d bytes in the cache, and the cache may hold %d bytes in all (cache.max_bytes)", need, budget)
	}
	return nil
}

// confirm looks in the end whether everything is still there. What a job brought makes room like everything else that was
// used once: when the rest of the cache may not be removed, its own first files are.
func (j *job) confirm() {
	for _, f := range j.files {
		if (f.result == ResultFetched || f.result == ResultThere) && j.owner.stored(f.target, f.size) < f.size {
			f.stored.Store(0)
			j.settle(f, ResultFailed, "it was removed again to make room in the cache")
		}
	}
}

// unwell says why the cache can take nothing now. Nil: it can.
func (m *Jobs) unwell() error {
	if s := m.config.Store.Status(); s.State != cache.StateOK {
		return fmt.Errorf("the cache is %s: %s", s.State, s.Reason)
	}
	return nil
}
