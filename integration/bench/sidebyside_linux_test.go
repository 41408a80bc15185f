package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"branchpoint/integration/sim"
)

// What the product has to reach, as the median over all rounds of what it did in a turn by what the other one did in the
// turn next to it.
const (
	aheadOfSquid = 1.0
	besideNginx  = 0.9
	besideFrom   = 1 << 20 // the file size from which it counts
)

// plan is how much is measured.
type plan struct {
	sizes       []int64
	connections []int
	rounds      int
	turn        time.Duration
}

func newPlan() plan {
	if full() {
		return plan{[]int64{4 << 10, 64 << 10, 1 << 20, 256 << 20}, []int{1, 16}, 5, 2 * time.Second}
	}
	return plan{[]int64{64 << 10, 1 << 20}, []int{16}, 1, time.Second}
}

// TestSideBySide compares hits. One round is not a measurement, so only full runs are judged by speed; each run is judged
// by its bytes, and by hits being hits.
func TestSideBySide(t *testing.T) {
	wrk := program(t, "wrk")
	p := newPlan()
	o := startOrigin(t, p.sizes...)
	caches := startCaches(t, o)
	for _, f := range o.files {
		for _, s := range caches {
			o.get(t, s, f) // the miss
			o.get(t, s, f)
		}
	}
	fetched := o.dp.Counters().Bytes()
	table := &table{others: []string{"nginx", "squid"}}
	for _, f := range o.files {
		for _, c := range p.connections {
			table.add(measure(t, o, caches, f, c, wrk, p))
		}
	}
	if again := o.dp.Counters().Bytes() - fetched; again != 0 {
		t.Errorf("%d bytes were fetched from the origin while hits were measured", again)
	}
	table.report(t, p)
}

// measure lets the caches take turns.
func measure(t *testing.T, o *origin, caches []*server, f *sim.File, connections int, wrk string, p plan) *cell {
	t.Helper()
	c := &cell{size: f.Size, connections: connections, samples: map[string][]sample{}}
	for range p.rounds {
		for _, s := range caches {
			c.samples[s.name] = append(c.samples[s.name], load(t, s, wrk, o.url(f), connections, p.turn))
		}
	}
	for _, s := range caches {
		c.names = append(c.names, s.name)
	}
	return c
}

// cell is one size on one number of connections.
type cell struct {
	size        int64
	connections int
	names       []string
	samples     map[string][]sample
}

// median is the middle of one figure of a cache.
func (c *cell) median(name string, figure func(sample) float64) float64 {
	var all []float64
	for _, s := range c.samples[name] {
		all = append(all, figure(s))
	}
	return middle(all)
}

// ratio is the median of a cache's speed by another's, round by round.
func (c *cell) ratio(name, by string) float64 {
	var all []float64
	for i, s := range c.samples[name] {
		all = append(all, s.bytes/c.samples[by][i].bytes)
	}
	return middle(all)
}

// middle returns the median; of an even number the lower one.
func middle(all []float64) float64 {
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// table is all that was measured.
type table struct {
	others []string // with whom each is compared
	cells  []*cell
}

func (t *table) add(c *cell) { t.cells = append(t.cells, c) }

// report prints the table, and judges it when it is one to be judged.
func (t *table) report(tb *testing.T, p plan) {
	tb.Logf("medians of %d rounds of %v\n%s", p.rounds, p.turn, t)
	if !full() {
		tb.Log("speed is not judged in a short run; BRANCHPOINT_FULL=1 does")
		return
	}
	t.judge(tb)
}

func (t *table) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "KiB\tconns\tcache\trequests/s\tMB/s\tby %s\tCPU s/GB\t\n", strings.Join(t.others, "\tby "))
	for _, c := range t.cells {
		for _, name := range c.names {
			fmt.Fprintf(w, "%d\t%d\t%s\t%.0f\t%.0f\t", c.size>>10, c.connections, name,
				c.median(name, func(s sample) float64 { return s.requests }), c.median(name, func(s sample) float64 { return s.bytes / 1e6 }))
			for _, other := range t.others {
				fmt.Fprintf(w, "%.2f\t", c.ratio(name, other))
			}
			fmt.Fprintf(w, "%.2f\t\n", c.median(name, func(s sample) float64 { return s.cpu }))
		}
	}
	w.Flush()
	return text.String()
}

// judge holds the product to what it has to reach.
func (t *table) judge(tb *testing.T) {
	for _, c := range t.cells {
		for _, other := range t.others {
			r := c.ratio("branchpoint", other)
			switch {
			case other == "squid" && r <= aheadOfSquid:
				tb.Errorf("%d KiB on %d connections: %.2f of squid, want to be ahead", c.size>>10, c.connections, r)
			case other == "nginx" && r < besideNginx && c.size >= besideFrom:
				tb.Errorf("%d KiB on %d connections: %.2f of nginx, want at least %.2f", c.size>>10, c.connections, r, besideNginx)
			}
		}
	}
}
