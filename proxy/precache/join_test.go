package precache

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTwoJobsForOneContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		b := newBox(t, w, nil)
		first := b.start(Request{Content: packageID, From: pointURL})
		b.rest()
		second, joined, err := b.jobs.Start(Request{Content: "ps100015", From: pointURL})
		if err != nil || !joined || second.ID != first.ID {
			t.Errorf("the second is %+v, %v, %v", second, joined, err)
		}
		if _, _, err := b.jobs.Start(Request{Content: packageID, From: "mp"}); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), first.ID) {
			t.Errorf("from elsewhere: %v", err)
		}
		if _, joined, err := b.jobs.Start(Request{Content: packageID, From: pointURL, Version: 2}); err != nil || joined {
			t.Errorf("another version: %v, %v", joined, err)
		}
		dry, joined, err := b.jobs.Start(Request{Content: packageID, From: pointURL, DryRun: true})
		if err != nil || joined || b.end(dry.ID).State != StateDone {
			t.Errorf("a dry run: %+v, %v, %v", dry, joined, err)
		}
		close(gate)
		b.end(first.ID)
		if n := w.opened("small"); n != 1 {
			t.Errorf("the small file was asked for %d times", n)
		}
	})
}

func TestTooManyJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		w.files["large"] = data("large", mib)
		b := newBox(t, w, nil)
		for i := range maxRunning {
			b.start(Request{Content: fmt.Sprintf("PS2%05X", i), From: pointURL})
		}
		if _, _, err := b.jobs.Start(Request{Content: packageID, From: pointURL}); !errors.Is(err, ErrTooMany) {
			t.Errorf("one more: %v", err)
		}
		if n := b.jobs.count(); n != maxRunning {
			t.Errorf("%d run", n)
		}
		close(gate)
		for _, j := range b.jobs.Jobs() {
			if j := b.end(j.ID); j.State != StateDone {
				t.Errorf("the job is %+v", j)
			}
		}
	})
}
