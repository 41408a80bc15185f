package integration

import (
	"net/http"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestColdFileOverALink: a cold file through the box is as fast as the line, 80 ms away with 100 Mbit/s.
func TestColdFileOverALink(t *testing.T) {
	lib, f := library(t, 60_000_000)
	link, err := sim.NewLink(sim.LinkConfig{RTT: 80 * time.Millisecond, Rate: 100_000_000 / 8})
	must(t, err)
	dp := anonymousDP(t, sim.DPConfig{Name: "far", Library: lib, Link: link})
	b := startBox(t, nil, []*sim.DP{dp}, "")
	took := func(client *http.Client) time.Duration {
		start := time.Now()
		_, err := download(t.Context(), client, bitsURL(dp, app+".1", f.Path), f, 0, -1)
		must(t, err)
		return time.Since(start)
	}
	direct := took(&http.Client{Transport: &http.Transport{DisableCompression: true}})
	proxied := took(b.client())
	again := took(b.client())
	speed := direct.Seconds() / proxied.Seconds()
	t.Logf("%d bytes: direct %v, through the cold box %v (%.3f of the direct speed), again %v", f.Size, direct, proxied, speed, again)
	if speed < 0.95 {
		t.Errorf("a cold file had %.3f of the direct speed, want at least 0.95", speed)
	}
	if again > direct/2 {
		t.Errorf("a hit took %v, a direct download %v: the file did not come from the disk", again, direct)
	}
}
