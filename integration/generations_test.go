package integration

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestPackageChangesUnderway: a package is updated in the middle of many downloads of its bare URL. Each client ends with
// one version from the first byte to the last: sim's clients accept nothing else. The versioned URLs are not affected.
func TestPackageChangesUnderway(t *testing.T) {
	t.Parallel()
	const clients, pkg, path = 5, "PS100015", "media/install.wim"
	lib := sim.NewLibrary()
	_, err := lib.Publish(pkg, sim.FileSpec{Path: path, Size: 6 << 20})
	must(t, err)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	b := startBox(t, nil, []*sim.DP{dp}, "cache: {directory: '$CACHE', min_free_bytes: 0, check_after: 0s}\n")
	update := sync.OnceFunc(func() {
		_, err := lib.Publish(pkg, sim.FileSpec{Path: path, Size: 6<<20 + 12_345})
		must(t, err)
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	restarts, versions := 0, map[int]int{}
	download := func(segment string, block int64, at int) {
		got := 0
		r := generationClient(t, b, lib, bitsURL(dp, segment, path), block, func(n int) {
			if got += n; got > at {
				update()
			}
		})
		mu.Lock()
		defer mu.Unlock()
		restarts += r.Restarts
		if r.File != nil {
			versions[r.File.Version]++
		}
	}
	for i := range clients {
		wg.Go(func() { download(pkg, int64(1+i)*400_001, 3<<20) })
		wg.Go(func() { download(pkg+".1", sim.WholeFile, 1<<40) })
	}
	wg.Wait()
	if restarts == 0 || versions[1] < clients || versions[2] == 0 {
		t.Errorf("%d restarts, clients by version %v: the update was not noticed, or it changed what has a version", restarts, versions)
	}
	again := generationClient(t, b, lib, bitsURL(dp, pkg, path), sim.NoRange, nil)
	if again.File == nil || again.File.Version != 2 {
		t.Errorf("afterwards a client gets %+v, want version 2", again.File)
	}
	t.Logf("%d clients while a package changed: %d restarts, none got a mixture; by version %v", 2*clients, restarts, versions)
}

// generationClient downloads as BITS does. Restarts are its business, retries are not needed.
func generationClient(t *testing.T, b *box, lib *sim.Library, url string, block int64, progress func(int)) sim.Result {
	t.Helper()
	client, err := sim.NewBITS(sim.BITSConfig{
		ClientConfig: sim.ClientConfig{Library: lib, Proxy: b.proxy}, BlockSize: block, RetryDelay: 10 * time.Millisecond,
		Progress: progress,
	})
	if err != nil {
		t.Error(err)
		return sim.Result{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := client.Download(ctx, url)
	if r.Err != nil {
		t.Errorf("%s: %v; troubles: %v", url, r.Err, r.Troubles)
	}
	return r
}

// TestDPsOfTwoVersions: one DP has the update of a package, the other not yet. Each client gets the version of the DP that
// it names, whoever asked before.
func TestDPsOfTwoVersions(t *testing.T) {
	t.Parallel()
	const pkg, path = "PS100016", "data.cab"
	lib := sim.NewLibrary()
	for i := range 2 {
		_, err := lib.Publish(pkg, sim.FileSpec{Path: path, Size: 3<<20 + int64(i)*70_001})
		must(t, err)
	}
	ahead := anonymousDP(t, sim.DPConfig{Name: "ahead", Library: lib})
	behind := anonymousDP(t, sim.DPConfig{Name: "behind", Library: lib, TimeShift: time.Hour})
	behind.Hold(pkg, 1)
	b := startBox(t, nil, []*sim.DP{ahead, behind}, "cache: {directory: '$CACHE', min_free_bytes: 0, check_after: 0s}\n")
	var wg sync.WaitGroup
	for i := range 6 {
		dp, want := ahead, 2
		if i%2 == 1 {
			dp, want = behind, 1
		}
		wg.Go(func() {
			for round := range 2 {
				r := generationClient(t, b, lib, bitsURL(dp, pkg, path), 500_000, nil)
				if r.File != nil && r.File.Version != want {
					t.Errorf("client %d, round %d, of DP %s: version %d, want %d", i, round, dp.Name(), r.File.Version, want)
				}
				if r.Restarts > 0 {
					t.Errorf("client %d, round %d, of DP %s: %s", i, round, dp.Name(), fmt.Sprint(r.Troubles))
				}
			}
		})
	}
	wg.Wait()
	sent := ahead.Counters().Bytes() + behind.Counters().Bytes()
	t.Logf("two versions side by side, 12 downloads: the DPs sent %d bytes", sent)
	if most := int64(2 * (3<<20 + 70_001) * 11 / 10); sent > most {
		t.Errorf("the DPs sent %d bytes, want at most %d: each version about once", sent, most)
	}
}
