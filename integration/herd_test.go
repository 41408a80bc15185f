package integration

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// herd runs n clients at once and returns when each had its first byte.
func herd(t *testing.T, n int, get func(i int) (time.Time, error)) []time.Time {
	t.Helper()
	first := make([]time.Time, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			at, err := get(i)
			if err != nil {
				t.Errorf("client %d: %v", i, err)
			}
			first[i] = at
		})
	}
	wg.Wait()
	return first
}

// TestHerdOnColdFile: 50 clients start the same cold 100 MB file at once.
func TestHerdOnColdFile(t *testing.T) { herdOnColdFile(t, plainWay, 100_000_000) }

func herdOnColdFile(t *testing.T, w way, size int64) {
	lib, f := library(t, size)
	r := newRig(t, w, "", sim.DPConfig{Name: "dp1", Library: lib})
	target, counters := r.url(r.dps[0], app+".1", f.Path), r.dps[0].Counters()
	const clients = 50
	var waiting sync.WaitGroup // so that the first to come do not take the processor from those that have not had a byte
	waiting.Add(clients)
	asked := make([]time.Time, clients)
	first := herd(t, clients, func(i int) (time.Time, error) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { asked[i] = time.Now() },
		})
		return downloadAfter(ctx, r.client(), target, f, 0, -1, sync.OnceFunc(func() { waiting.Done(); waiting.Wait() }))
	})
	sent := firstSent(counters)
	var worst time.Duration
	for i, at := range first {
		from := sent
		if asked[i].After(from) {
			from = asked[i]
		}
		worst = max(worst, at.Sub(from))
	}
	ratio := float64(counters.Bytes()) / float64(f.Size)
	t.Logf("%s: 50 clients, one cold file of %d bytes: upstream %.4f times the file, last client's first byte %v after the DP's or its own request",
		w.name, f.Size, ratio, worst)
	if ratio > 1.02 {
		t.Errorf("upstream sent %.4f times the file, want at most 1.02", ratio)
	}
	if worst > 50*time.Millisecond && full() && !raceEnabled && w == plainWay { // only a run of its own is a measurement
		t.Errorf("the last client waited %v for its first byte, want at most 50ms", worst)
	}
}

// firstSent is when a DP sent the first byte of a body.
func firstSent(counters *sim.Counters) time.Time {
	all := slices.DeleteFunc(counters.Sent(), func(s sim.Sent) bool { return s.First.IsZero() })
	return slices.MinFunc(all, func(a, b sim.Sent) int { return a.First.Compare(b.First) }).First
}

// TestHerdOfRanges: 50 clients, with random ranges of a cold 1 GB file.
func TestHerdOfRanges(t *testing.T) { herdOfRanges(t, plainWay, 50) }

func herdOfRanges(t *testing.T, w way, clients int) {
	const slice = 1 << 20
	lib, f := library(t, 1_000_000_000)
	r := newRig(t, w, "", sim.DPConfig{Name: "dp1", Library: lib})
	target, counters := r.url(r.dps[0], app+".1", f.Path), r.dps[0].Counters()
	wanted := map[int64]bool{}
	type span struct{ off, n int64 }
	spans := make([][]span, clients)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range spans {
		for range 4 {
			s := span{random.Int64N(f.Size - 3*slice), 1 + random.Int64N(3*slice)}
			spans[i] = append(spans[i], s)
			for k := s.off / slice; k <= (s.off+s.n-1)/slice; k++ {
				wanted[k] = true
			}
		}
	}
	herd(t, len(spans), func(i int) (at time.Time, err error) {
		client := r.client()
		for _, s := range spans[i] {
			if at, err = download(t.Context(), client, target, f, s.off, s.n); err != nil {
				return at, err
			}
		}
		return at, nil
	})
	ratio := float64(counters.Bytes()) / float64(len(wanted)*slice)
	t.Logf("%s: %d clients, %d random ranges of a cold file of %d bytes: upstream %.4f times the slices asked for, %d requests",
		w.name, clients, 4*clients, f.Size, ratio, counters.Requests(http.MethodGet))
	if ratio > 1.05 {
		t.Errorf("upstream sent %.4f times the slices asked for, want at most 1.05", ratio)
	}
}
