package integration

import (
	"fmt"
	"testing"

	"branchpoint/integration/sim"
)

// The checks of the main job, over HTTPS to the token directory of the DPs, with the clients' own token.

// TLS is slow under the race detector, so there is less of it.
func underRace(n, fewer int) int {
	if raceEnabled {
		return fewer
	}
	return n
}

func TestHerdOnEveryWay(t *testing.T) {
	size := int64(underRace(count(100_000_000, 10_000_000), 1_500_000))
	onEveryWay(t, tokenWays(), func(t *testing.T, w way) { herdOnColdFile(t, w, size) })
}

func TestRangesOnEveryWay(t *testing.T) {
	onEveryWay(t, tokenWays(), func(t *testing.T, w way) { herdOfRanges(t, w, underRace(50, 8)) })
}

func TestFailoverOnEveryWay(t *testing.T) {
	onEveryWay(t, tokenWays(), func(t *testing.T, w way) { failover(t, w, underRace(count(200, 10), 5)) })
}

func TestKillOnEveryWay(t *testing.T) {
	t.Parallel()
	onEveryWay(t, simWays(), func(t *testing.T, w way) { kills(t, w, count(50, 2)) })
}

// TestOneCacheForAllWays: what has come on one way is not fetched again for clients on another one, nor for a second pass
// on the same.
func TestOneCacheForAllWays(t *testing.T) {
	t.Parallel()
	lib := sim.NewLibrary()
	ways := tokenWays()
	contents := make([]*sim.Version, len(ways))
	for i := range ways {
		var err error
		contents[i], err = lib.Publish(fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", i),
			sim.FileSpec{Path: "media/install.wim", Size: int64(count(64<<20, 3<<20))}, sim.FileSpec{Path: "setup.exe", Size: 300_001},
			sim.FileSpec{Path: "data/empty.flag"}, sim.FileSpec{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001})
		must(t, err)
	}
	counters := sim.NewCounters()
	r := newRig(t, ways[0], "", sim.DPConfig{Name: "dp1", Library: lib, Counters: counters},
		sim.DPConfig{Name: "dp2", Library: lib, Counters: counters})
	for i, first := range ways {
		counters.Reset()
		got := r.by(first).everything(t, lib, r.dps[0], contents[i])
		if sent, whole := counters.Bytes(), contents[i].Size(); sent != whole {
			t.Errorf("%s: the DPs sent %d bytes for a content of %d", first.name, sent, whole)
		}
		counters.Reset()
		for _, other := range ways {
			for _, dp := range r.dps {
				got += r.by(other).everything(t, lib, dp, contents[i])
			}
		}
		t.Logf("first by %s, then on every way from either DP: clients got %d bytes, every byte right; the DPs sent each byte once, and then %d",
			first.name, got, counters.Bytes())
		if sent := counters.Bytes(); sent != 0 {
			t.Errorf("after %s the DPs sent %d bytes of what was there", first.name, sent)
		}
	}
}

// everything downloads a content with each kind of client that knows the way, and returns how many bytes they got.
func (r *rig) everything(t *testing.T, lib *sim.Library, dp *sim.DP, v *sim.Version) (bytes int64) {
	t.Helper()
	if !r.open {
		bytes, _ = everyClient(t, r.config(lib), r.location(dp, v.Segment()))
		return bytes
	}
	client := r.client()
	defer client.CloseIdleConnections()
	for _, f := range v.Files() {
		if _, err := download(t.Context(), client, r.url(dp, v.Segment(), escapePath(f.Path)), f, 0, -1); err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
		bytes += f.Size
	}
	return bytes
}
