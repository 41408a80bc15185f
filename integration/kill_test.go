package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestKill: the program is killed in the middle of fills. Nothing that its directory claims afterwards is wrong, what it
// had recorded is not fetched again, and the clients that retry end with every byte.
func TestKill(t *testing.T) {
	t.Parallel()
	kills(t, plainWay, count(200, 4))
}

func kills(t *testing.T, w way, runs int) {
	var mu sync.Mutex
	var recorded, total int64
	t.Run("cycles", func(t *testing.T) {
		for i := range runs {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				had, of := killCycle(t, w, rand.New(rand.NewPCG(uint64(i), 99)))
				mu.Lock()
				defer mu.Unlock()
				recorded, total = recorded+had, total+of
			})
		}
	})
	t.Logf("%s: %d cycles of kill -9: %d of %d bytes were recorded at the kill, none of them wrong, none fetched again", w.name, runs, recorded, total)
	if recorded == 0 {
		t.Error("nothing was ever recorded at a kill: the test does not test")
	}
}

// killCycle returns how many bytes were recorded at the kill, and of how many.
func killCycle(t *testing.T, w way, random *rand.Rand) (recorded, total int64) {
	lib := sim.NewLibrary()
	var files []*sim.File
	for i := range 3 {
		id := fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", i)
		v, err := lib.Publish(id, sim.FileSpec{Path: "a/b.cab", Size: 1 + random.Int64N(7<<20)})
		must(t, err)
		files = append(files, v.Files()[0])
		total += v.Size()
	}
	link, err := sim.NewLink(sim.LinkConfig{Rate: 8 << 20})
	must(t, err)
	r := newRig(t, w, "", sim.DPConfig{Name: "dp1", Library: lib, Link: link})
	dp := r.dps[0]

	var got atomic.Int64
	reached := make(chan struct{})
	threshold := random.Int64N(total)
	progress := func(n int) {
		if after := got.Add(int64(n)); after > threshold && after-int64(n) <= threshold {
			close(reached)
		}
	}
	var clients sync.WaitGroup
	for _, f := range files {
		clients.Go(func() { killClient(t, r.config(lib), r.url(dp, f.Content+".1", f.Path), progress) })
	}
	var ranges sync.WaitGroup
	for range 4 {
		f := files[random.IntN(len(files))]
		off := random.Int64N(f.Size)
		n := 1 + random.Int64N(f.Size-off)
		ranges.Go(func() { // it may be cut by the kill; a byte that comes is right all the same
			_, err := download(t.Context(), r.client(), r.url(dp, f.Content+".1", f.Path), f, off, n)
			if isWrong(err) {
				t.Error(err)
			}
		})
	}
	<-reached
	r.kill()
	ranges.Wait()
	claims := auditCache(t, r.cacheDir(), files)
	dp.Counters().Reset()
	r.start(r.command())
	clients.Wait()
	for _, f := range files { // what was lost between a client and a record is asked for once more
		_, err := download(t.Context(), r.client(), r.url(dp, f.Content+".1", f.Path), f, 0, -1)
		must(t, err)
	}
	if again := fetchedAgain(claims, dp.Counters().Sent()); again > 0 {
		t.Errorf("%d of %d recorded bytes were fetched again", again, claimed(claims))
	}
	r.stop()
	if all := claimed(auditCache(t, r.cacheDir(), files)); all != total {
		t.Errorf("after a proper end %d of %d bytes are recorded", all, total)
	}
	return claimed(claims), total
}

// killClient downloads a file as BITS does, which outlives the program's death by trying again.
func killClient(t *testing.T, config sim.ClientConfig, url string, progress func(int)) {
	client, err := sim.NewBITS(sim.BITSConfig{
		ClientConfig: config, BlockSize: 700_001, RetryDelay: 50 * time.Millisecond, MaxRetries: 1000, Progress: progress,
	})
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if r := client.Download(ctx, url); r.Err != nil {
		t.Errorf("a client that retries failed: %v; its troubles: %v", r.Err, r.Troubles)
	}
}

// TestRestartAfterTornFiles: what a power cut may leave behind, halves of records and data without records, is no reason
// to refuse to start or to serve a wrong byte.
func TestRestartAfterTornFiles(t *testing.T) {
	t.Parallel()
	lib, f := library(t, 5<<20+1)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	b := startBox(t, nil, []*sim.DP{dp}, "")
	get := func() {
		t.Helper()
		_, err := download(t.Context(), b.client(), bitsURL(dp, app+".1", f.Path), f, 0, -1)
		must(t, err)
	}
	get()
	b.stop()
	records := filesIn(t, b.cacheDir(), ".rec")
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	whole, err := os.ReadFile(records[0])
	must(t, err)
	for i, text := range [][]byte{whole[:len(whole)/2], nil, append(whole[:20:20], whole[21:]...)} {
		must(t, os.WriteFile(records[0], text, 0o600))
		must(t, os.WriteFile(records[0]+".tmp", whole[:7], 0o600))
		b.start(b.command())
		get()
		b.stop()
		if n := claimed(auditCache(t, b.cacheDir(), []*sim.File{f})); n != f.Size {
			t.Errorf("case %d: %d bytes are recorded, want %d", i, n, f.Size)
		}
		records = filesIn(t, b.cacheDir(), ".rec")
	}
}
