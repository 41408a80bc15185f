package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// windowBytes is what one upstream request of the box asks for.
const windowBytes = 4 << 20

// TestFailover: the DP that serves a download dies, stalls, cuts short or lies at a random place, with a second DP alive.
// No client may notice, and no byte may be fetched twice beyond one window.
func TestFailover(t *testing.T) { failover(t, plainWay, count(200, 40)) }

func failover(t *testing.T, w way, runs int) {
	const size = 16<<20 + 4711
	lib := sim.NewLibrary()
	ids := make([]string, runs)
	for i := range ids {
		ids[i] = fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", i)
		_, err := lib.Publish(ids[i], sim.FileSpec{Path: "a/b.cab", Size: size})
		must(t, err)
	}
	r := newRig(t, w, fmt.Sprintf("upstream: {stall_timeout: 500ms, cool_down: %v, failures_to_open: 1000}\n", coolDown),
		sim.DPConfig{Name: "dp1", Library: lib}, sim.DPConfig{Name: "dp2", Library: lib, TimeShift: 3 * time.Hour})
	kinds := []sim.FaultKind{sim.FaultKill, sim.FaultStall, sim.FaultShortBody, sim.FaultReset, sim.FaultWrongStart,
		sim.FaultWrongTotal, sim.FaultNoContentRange, sim.FaultRangeIgnored, sim.FaultWrongSize, sim.FaultStatus}
	random := rand.New(rand.NewPCG(7, 11))
	struck, worst := 0, int64(0)
	for i, id := range ids {
		f, err := lib.File(id+".1", "a/b.cab")
		must(t, err)
		named := r.dps[random.IntN(2)]
		target := r.url(named, id+".1", f.Path)
		fault := sim.Fault{Kind: kinds[i%len(kinds)], Match: id, Delta: 1 + random.Int64N(1000)}
		if fault.Kind >= sim.FaultShortBody {
			fault.Offset = 1 + random.Int64N(size-1)
		}
		r.awaitTurn(t, named)
		head(t, r.client(), target) // as BITS does: from here on the client knows the size
		injected, err := named.Faults.Inject(fault)
		must(t, err)
		before := r.metric("branchpoint_upstream_bytes_total")
		var clients sync.WaitGroup
		for range 1 + random.IntN(3) {
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := download(ctx, r.client(), target, f, 0, -1); err != nil {
					t.Errorf("run %d, %s does %d at %d: %v", i, named.Name(), fault.Kind, fault.Offset, err)
				}
			})
		}
		clients.Wait()
		twice := int64(r.metric("branchpoint_upstream_bytes_total")-before) - size
		worst = max(worst, twice)
		if twice > windowBytes {
			t.Errorf("run %d, fault %d at %d: %d bytes were fetched twice, more than a window", i, fault.Kind, fault.Offset, twice)
		}
		if injected.Strikes() > 0 {
			struck++
		}
		injected.Lift()
		if fault.Kind == sim.FaultKill && injected.Strikes() > 0 {
			must(t, named.Revive(t.Context()))
		}
	}
	t.Logf("%s: %d runs, %d of them with a failing DP: no client saw an error; at most %d bytes were fetched twice", w.name, runs, struck, worst)
	if struck < runs*9/10 {
		t.Errorf("only %d of %d faults struck: the test does not test", struck, runs)
	}
}

// coolDown is how long a DP that has failed comes after the others.
const coolDown = 50 * time.Millisecond

// awaitTurn waits until the box asks a DP first again when a client names it. Until then a fault of it would strike nobody.
func (r *rig) awaitTurn(t *testing.T, dp *sim.DP) {
	t.Helper()
	eventually(t, 20*time.Second, dp.Name()+" has had its rest", func() bool {
		var answer struct {
			Upstreams []struct {
				URL         string    `json:"url"`
				LastErrorAt time.Time `json:"last_error_at"`
			} `json:"upstreams"`
		}
		_, text := r.get("/api/v1/upstreams")
		must(t, json.Unmarshal([]byte(text), &answer))
		for _, one := range answer.Upstreams {
			if one.URL == dp.URL("http") || one.URL == dp.URL("https") {
				return time.Since(one.LastErrorAt) > coolDown
			}
		}
		t.Fatalf("%s is not among %s", dp.Name(), text)
		return false
	})
}

// TestFailoverOfEntitlement: a DP dies, and a client that nobody has seen before asks it for content that nobody has asked
// for before, at a listener where the DP decides. What is open to everybody elsewhere is had, what is not is told to come
// back later.
func TestFailoverOfEntitlement(t *testing.T) {
	t.Parallel()
	lib, f := library(t, 3<<20+17)
	listed := "Content_00000000-0000-0000-0000-000000000001"
	v, err := lib.Publish(listed, sim.FileSpec{Path: f.Path, Size: f.Size})
	must(t, err)
	hidden, _ := v.File(f.Path)
	first := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	second := startDP(t, sim.DPConfig{
		Name: "dp2", Library: lib, Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessAnonymous},
		Accounts: []sim.Account{{Domain: "BRANCH", Name: "PC1$", Password: sim.NewSecret("one")}},
	})
	second.SetACL(listed, "BRANCH\\PC1$")
	doors, origin := twoDoors(t)
	b := startBox(t, nil, []*sim.DP{first, second}, doors+"upstream: {response_timeout: 2s}\n")
	open, shut := bitsURL(first, app+".1", f.Path), bitsURL(first, listed+".1", f.Path)
	first.Kill()
	door := b.at(origin)
	for i := range 3 {
		if _, err := download(t.Context(), door.client(), open, f, 0, -1); err != nil {
			t.Errorf("client %d of what is open to everybody: %v", i, err)
		}
	}
	if got := door.askOnce(t, shut, ""); got.status != http.StatusBadGateway || got.header.Get("Retry-After") == "" || holdsPart(hidden, got.body) {
		t.Errorf("what is not open: status %d, %v, %d bytes", got.status, got.header, len(got.body))
	}
}
