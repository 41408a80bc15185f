package integration

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"branchpoint/integration/sim"
)

// scenarioRow is a row of the scenario table.
type scenarioRow struct {
	where, what, token string
	kinds              []sim.MachineKind
}

// scenarioRows is the table: which machines get what, where, and whose token opens it.
func scenarioRows() []scenarioRow {
	const office, road, mp = "corporate network", "internet", "MP over HTTP"
	all := []sim.MachineKind{sim.Workgroup, sim.ADJoined, sim.EntraJoined, sim.Hybrid}
	certified := []sim.MachineKind{sim.Workgroup, sim.ADJoined, sim.Hybrid}
	bare := []sim.MachineKind{sim.EntraJoined, sim.Hybrid}
	return []scenarioRow{
		{office, "package", mp, all}, {office, "application", mp, all}, {office, "software update", mp, all}, {office, "task sequence", mp, all},
		{office, "task sequence", "_SMSTSDPAuthToken", all}, {office, "pre-caching", mp, all}, {office, "any of them, from a cloud DP", mp, all},
		{road, "package", "the client's own", all}, {road, "application", "the client's own", all},
		{road, "software update", "the client's own", all}, {road, "task sequence", "the client's own", all},
		{road, "several cloud DPs, the job's dies", "CMG, PKI certificate", certified},
		{road, "the same, the CMG does not know us", "the client's own", bare},
		{road, "pre-caching", "CMG, PKI certificate", certified}, {road, "rows 12 and 14", "CCM_STS for Entra", bare},
	}
}

// board collects how the scenarios of this run went.
type board struct {
	mu    sync.Mutex
	cells map[boardCell][]outcome
}

type boardCell struct{ row, kind int }

type outcome struct {
	failed, skipped bool
	note            string // what the site was asked for, and how
}

// scenarios is the board of this run. TestMain prints it.
var scenarios = board{cells: map[boardCell][]outcome{}}

var scenarioName = regexp.MustCompile(`^TestScenario([0-9]{2})[^/]*/([^/]+)$`)

// onBoard has the end of a test go on the board, with what note says then, if it is one of a row: its name begins like
// TestScenario01, and ends with a kind of machine.
func onBoard(t testing.TB, note func() string) {
	name := scenarioName.FindStringSubmatch(t.Name())
	if name == nil {
		return
	}
	row, err := strconv.Atoi(name[1])
	must(t, err)
	kind := 0
	for sim.MachineKind(kind).String() != name[2] {
		if kind++; kind > int(sim.Hybrid) {
			t.Fatalf("%q is no kind of machine", name[2])
		}
	}
	t.Cleanup(func() {
		said := note()
		scenarios.mu.Lock()
		defer scenarios.mu.Unlock()
		cell := boardCell{row, kind}
		scenarios.cells[cell] = append(scenarios.cells[cell], outcome{t.Failed(), t.Skipped(), said})
	})
}

// print writes the table, if a scenario has run.
func (b *board) print(to io.Writer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.cells) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\n#\twhere\twhat\tworkgroup\tAD\tEntra\thybrid\ttoken from\n")
	for i, row := range scenarioRows() {
		fmt.Fprintf(w, "%d\t%s\t%s\t", i+1, row.where, row.what)
		for kind := range sim.Hybrid + 1 {
			fmt.Fprint(w, b.word(i+1, kind, row.kinds), "\t")
		}
		fmt.Fprintln(w, row.token)
	}
	_ = w.Flush()
	fmt.Fprintln(to)
	for i := range scenarioRows() {
		for kind := range sim.Hybrid + 1 {
			for _, o := range b.cells[boardCell{i + 1, int(kind)}] {
				fmt.Fprintf(to, "%d %s: %s\n", i+1, kind, o.note)
			}
		}
	}
}

// word is the outcome of a row for a kind of machine.
func (b *board) word(row int, kind sim.MachineKind, kinds []sim.MachineKind) string {
	runs, due := b.cells[boardCell{row, int(kind)}], slices.Contains(kinds, kind)
	failed := slices.ContainsFunc(runs, func(o outcome) bool { return o.failed })
	skipped := slices.ContainsFunc(runs, func(o outcome) bool { return o.skipped })
	switch {
	case failed:
		return "FAILED"
	case skipped:
		return "skipped"
	case len(runs) > 0:
		return "passed"
	case due:
		return "not run"
	}
	return "-"
}

// TestBoard: the table that the outcome is read from shows what went wrong, and what did not run.
func TestBoard(t *testing.T) {
	b := board{cells: map[boardCell][]outcome{
		{1, int(sim.Workgroup)}: {{note: "all well"}}, {15, int(sim.Hybrid)}: {{}, {failed: true, note: "no token"}},
		{12, int(sim.ADJoined)}: {{skipped: true}},
	}}
	var text strings.Builder
	b.print(&text)
	for _, want := range []string{
		`(?m)^1 +corporate network +package +passed +not run +not run +not run +MP over HTTP$`,
		`(?m)^12 +internet +several cloud DPs, the job's dies +not run +skipped +- +not run +CMG, PKI certificate$`,
		`(?m)^15 +internet +rows 12 and 14 +- +- +not run +FAILED +CCM_STS for Entra$`,
		`(?m)^1 workgroup: all well$`, `(?m)^15 hybrid: no token$`,
	} {
		if !regexp.MustCompile(want).MatchString(text.String()) {
			t.Errorf("there is no %s in the table:\n%s", want, &text)
		}
	}
	text.Reset()
	if (&board{}).print(&text); text.Len() > 0 {
		t.Errorf("nothing has run, and there is a table:\n%s", &text)
	}
}
