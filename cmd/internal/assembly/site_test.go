package assembly

import (
	"testing"
	"time"

	"branchpoint/tokenbroker/site"
)

// TestIsDue: the site is asked when a pause is over, once, and otherwise every few minutes.
func TestIsDue(t *testing.T) {
	last := time.Now()
	paused := func(until time.Duration) site.WayStatus {
		return site.WayStatus{State: "unreachable", RetryAt: last.Add(until).Round(0)}
	}
	for name, c := range map[string]struct {
		ways []site.WayStatus
		now  time.Duration // after the last question
		due  bool
	}{
		"nothing is wrong":             {[]site.WayStatus{{State: "ok"}}, checkEvery - time.Second, false},
		"nothing is wrong for long":    {[]site.WayStatus{{State: "ok"}}, checkEvery, true},
		"a pause":                      {[]site.WayStatus{{State: "ok"}, paused(time.Minute)}, time.Minute - time.Second, false},
		"a pause is over":              {[]site.WayStatus{{State: "ok"}, paused(time.Minute)}, time.Minute, true},
		"it was over at the last time": {[]site.WayStatus{paused(-time.Second)}, time.Minute, false},
	} {
		if got := isDue(site.Status{Ways: c.ways}, last, last.Add(c.now)); got != c.due {
			t.Errorf("%s: due %v, want %v", name, got, c.due)
		}
	}
}
