package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestFewDescriptors: a program that may have only 40 files and connections open meets more clients than it can serve at
// once. Each of them ends with every byte, though it may have to try again as BITS does, and afterwards all is as before.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("ulimit is for Unix")
	}
	const clients = 30
	lib := sim.NewLibrary()
	specs := make([]sim.FileSpec, clients)
	for i := range specs {
		specs[i] = sim.FileSpec{Path: fmt.Sprintf("d/%02d.cab", i), Size: 300_000 + int64(i)*40_001}
	}
	v, err := lib.Publish(app, specs...)
	must(t, err)
	link, err := sim.NewLink(sim.LinkConfig{Rate: 64 << 20})
	must(t, err)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib, Link: link})
	b := newBox(t, nil, []*sim.DP{dp}, "upstream: {cool_down: 100ms}\n")
	b.start(b.command(program(t, "sh"), "-c", `ulimit -n 40 && exec "$@"`, "sh"))

	var wg sync.WaitGroup
	var mu sync.Mutex
	retries := 0
	for _, f := range v.Files() {
		wg.Go(func() {
			client, err := sim.NewBITS(sim.BITSConfig{
				ClientConfig: sim.ClientConfig{Library: lib, Proxy: b.proxy}, RetryDelay: 100 * time.Millisecond, MaxRetries: 300,
			})
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := client.Download(ctx, bitsURL(dp, app+".1", f.Path))
			if r.Err != nil {
				t.Errorf("%s: %v", f.Path, r.Err)
			}
			mu.Lock()
			defer mu.Unlock()
			retries += r.Retries
		})
	}
	told := make(chan bool, 1)
	ended, end := context.WithCancel(t.Context())
	go func() { told <- b.saysEver(ended, "too many open files") }()
	wg.Wait()
	end()
	seen := <-told
	b.expectReady(http.StatusOK, "ready")
	t.Logf("%d clients, 40 descriptors: every byte right, %d requests were tried again; /readyz told of it: %v", clients, retries, seen)
	if retries > 0 && !seen {
		t.Error("/readyz never told that descriptors are lacking")
	}
	b.stop()
	auditCache(t, b.cacheDir(), v.Files())
}

// saysEver tells whether /readyz says something before ctx ends. The admin connection is there before descriptors are short.
func (b *box) saysEver(ctx context.Context, text string) bool {
	for {
		resp, err := http.Get(b.admin + "/readyz")
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if strings.Contains(string(body), text) {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}
