package precache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// held is a world whose only large file gives nothing after its first window before the gate opens.
func held() (w *world, gate chan struct{}) {
	w = newWorld(map[string][]byte{"large": data("large", 20*mib), "small": data("small", 10)})
	gate = make(chan struct{})
	w.gates["large"] = gate
	return w, gate
}

func TestCancelWhileFilling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		b.rest()
		j, _ := b.jobs.Job(id, 0, -1)
		if j.Counts != (Counts{Files: 2, Fetching: 1, Fetched: 1}) || len(j.Active) != 1 || j.Active[0].Path != "large" {
			t.Errorf("before: %+v", j)
		}
		if _, ok := b.jobs.Cancel(id); !ok {
			t.Fatal("there is no such job")
		}
		synctest.Wait()
		j, _ = b.jobs.Job(id, 0, -1)
		if j.State != StateCanceled || j.Ended.IsZero() {
			t.Errorf("after: %+v", j)
		}
		wantResults(t, j, map[string]Result{"large": ResultPending, "small": ResultFetched})
		close(gate)
		again := b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		wantResults(t, again, map[string]Result{"large": ResultFetched, "small": ResultThere})
		b.wantStored("http", "dp1.example", "/SMS_DP_SMSPKG$/PS100015/large", w.files["large"])
		if forgotten, ok := b.jobs.Cancel(id); !ok || forgotten.State != StateCanceled {
			t.Errorf("forgetting it: %+v, %v", forgotten, ok)
		}
		if _, ok := b.jobs.Job(id, 0, 0); ok {
			t.Error("it is not forgotten")
		}
		if _, ok := b.jobs.Cancel(id); ok {
			t.Error("it is forgotten twice")
		}
		if names := jobFiles(t, b); !slices.Equal(names, []string{again.ID + ".json"}) {
			t.Errorf("the files of the jobs are %v", names)
		}
	})
}

// TestStartAfterCancel begins a job for a content whose job is just being canceled.
func TestStartAfterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		b := newBox(t, w, nil)
		first := b.start(Request{Content: packageID, From: pointURL})
		b.rest()
		b.jobs.Cancel(first.ID)
		second, joined, err := b.jobs.Start(Request{Content: packageID, From: pointURL})
		if err != nil || joined || second.ID == first.ID {
			t.Fatalf("the second is %+v, %v, %v", second, joined, err)
		}
		close(gate)
		if j := b.end(second.ID); j.State != StateDone {
			t.Errorf("the second ends as %+v", j)
		}
		if j := b.end(first.ID); j.State != StateCanceled {
			t.Errorf("the first ends as %+v", j)
		}
	})
}

// TestCancelAnywhere cancels where a job waits for the site, for a list, for a slot and for the next try.
func TestCancelAnywhere(t *testing.T) {
	for name, spoil := range map[string]func(*box, *Config){
		"the site":    func(_ *box, c *Config) { c.Finder = slowFinder{} },
		"the list":    func(_ *box, c *Config) { c.Lister = slowLister{} },
		"a slot":      func(b *box, _ *Config) { b.world.gates["small"] = make(chan struct{}) },
		"another try": func(b *box, _ *Config) { b.world.fails["small"] = cache.ErrUnreachable },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := held()
				b := &box{t: t, world: w, dir: t.TempDir(), log: &book{}}
				b.tune = func(c *Config) {
					c.Parallel = 1
					c.Points = func() []string { return []string{pointURL} }
					spoil(b, c)
				}
				b.open()
				defer b.close()
				id := b.start(Request{Content: packageID}).ID
				b.rest()
				if j, _ := b.jobs.Job(id, 0, 0); j.State.Ended() {
					t.Fatalf("it has ended: %+v", j)
				}
				b.jobs.Cancel(id)
				synctest.Wait()
				if j, _ := b.jobs.Job(id, 0, -1); j.State != StateCanceled || j.Reason != "" {
					t.Errorf("the job is %+v", j)
				}
			})
		})
	}
}

type slowFinder struct{}

func (slowFinder) Find(ctx context.Context, _ string, _ int, _ string) ([]Place, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

type slowLister struct{ Lister }

func (slowLister) List(ctx context.Context, _ content.Target) ([]ListedFile, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestRestart closes everything in the middle of a file, and goes on with a new process.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		b := newBox(t, w, nil)
		w.set(func() { w.gates["large"] = nil })
		w.pace = 10 * time.Millisecond // 20 MiB in four windows side by side take 800 ms
		begun := b.start(Request{Content: packageID, Version: 3, From: pointURL})
		if err := wait(t.Context(), 500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		before, _ := b.jobs.Job(begun.ID, 0, 0)
		b.close()
		if before.State != StateFetching || before.Stored < 5*mib {
			t.Errorf("before: %+v", before)
		}
		w.set(func() { w.gates["large"] = gate })
		b.open()
		b.rest()
		j, _ := b.jobs.Job(begun.ID, 0, -1)
		if !j.Resumed || j.State != StateFetching || j.Request != begun.Request || !j.Created.Equal(begun.Created) {
			t.Errorf("after: %+v", j)
		}
		if j.Fetched != 0 || j.Stored < 4*mib {
			t.Errorf("%d bytes are stored and %d fetched; it does not go on where it was, at %d", j.Stored, j.Fetched, before.Stored)
		}
		kept := j.Stored
		close(gate)
		j = b.end(begun.ID)
		wantResults(t, j, map[string]Result{"large": ResultFetched, "small": ResultThere})
		if j.State != StateDone || j.Fetched > 20*mib-kept+mib {
			t.Errorf("in the end: %+v", j)
		}
		b.wantStored("http", "dp1.example", "/SMS_DP_SMSPKG$/PS100015/large", w.files["large"])
		b.close()
		b.open()
		if again, ok := b.jobs.Job(begun.ID, 0, -1); !ok || again.State != StateDone || again.Counts != j.Counts || again.Size != j.Size {
			t.Errorf("after one more start: %+v", again)
		}
	})
}

// TestResumedJobIsPatient has a line that is not up yet just after the start.
func TestResumedJobIsPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		b.rest()
		b.close()
		w.set(func() { w.listErr = errors.New("there is no line") })
		b.open()
		close(gate)
		if err := wait(t.Context(), 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		if j, _ := b.jobs.Job(id, 0, 0); j.State.Ended() {
			t.Fatalf("it has given up: %+v", j)
		}
		w.set(func() { w.listErr = nil })
		if j := b.end(id); j.State != StateDone {
			t.Errorf("the job is %+v", j)
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		defer close(gate)
		b := newBox(t, w, nil)
		jobs := b.jobs
		b.start(Request{Content: packageID, From: pointURL})
		b.rest()
		b.close()
		if _, _, err := jobs.Start(Request{Content: "PS100016", From: pointURL}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if list := jobs.Jobs(); len(list) != 1 {
			t.Errorf("the jobs are %+v", list)
		}
	})
}

// TestManyHands starts, cancels, looks and restarts at random, and looks in the end whether all is there.
func TestManyHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(7, 7))
		w := newWorld(map[string][]byte{})
		for i := range 12 {
			w.files[fmt.Sprint("dir/file", i)] = data(fmt.Sprint("content", i), rnd.IntN(3*mib/2))
		}
		w.pace = time.Millisecond
		b := newBox(t, w, nil)
		for step := range 100 {
			switch list := b.jobs.Jobs(); {
			case step%33 == 32:
				b.close()
				b.open()
			case rnd.IntN(3) > 0 || len(list) == 0:
				id := fmt.Sprintf("PS10000%d", rnd.IntN(3))
				if _, _, err := b.jobs.Start(Request{Content: id, From: pointURL, DryRun: rnd.IntN(4) == 0}); err != nil {
					t.Fatal(err)
				}
			default:
				b.jobs.Cancel(list[rnd.IntN(len(list))].ID)
			}
			if err := wait(t.Context(), time.Duration(rnd.IntN(40))*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			id := fmt.Sprintf("PS10000%d", i)
			if j := b.end(b.start(Request{Content: id, From: pointURL}).ID); j.State != StateDone || j.Stored != j.Size {
				t.Errorf("the job is %+v", j)
			}
			for path, body := range w.files {
				b.wantStored("http", "dp1.example", "/SMS_DP_SMSPKG$/"+id+"/sccm?/"+path, body)
			}
		}
	})
}
