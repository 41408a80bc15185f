package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of times in /proc, on every Linux that Go runs on (proc(5), sysconf _SC_CLK_TCK).
const tick = 10 * time.Millisecond

// cpuTime is what a process and all its descendants have used so far, in user and in kernel mode.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	dir, err := os.Open("/proc")
	must(t, err)
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	must(t, err)
	parents, used := map[int]int{}, map[int]time.Duration{}
	for _, name := range names {
		p, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if stat, err := os.ReadFile("/proc/" + name + "/stat"); err == nil { // otherwise it has just ended
			parents[p], used[p] = parseStat(string(stat))
		}
	}
	var sum time.Duration
	for p, u := range used {
		if descends(parents, p, pid) {
			sum += u
		}
	}
	return sum
}

// parseStat reads the parent and the processor time of one process, that of the children it has waited for included.
func parseStat(stat string) (parent int, used time.Duration) {
	// The name comes in parentheses and may hold anything; field 3 follows the last one (proc(5)).
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	parent, _ = strconv.Atoi(fields[1])
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.Atoi(f)
		used += time.Duration(n) * tick
	}
	return parent, used
}

func descends(parents map[int]int, pid, from int) bool {
	for ; pid > 0; pid = parents[pid] {
		if pid == from {
			return true
		}
	}
	return false
}

// memory returns a line of a process's status in bytes: VmRSS is what is resident, VmHWM the most that ever was.
func memory(t *testing.T, pid int, line string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			must(t, err)
			return kib << 10
		}
	}
	t.Fatalf("process %d has no %s", pid, line)
	return 0
}

func TestParseStat(t *testing.T) {
	const line = "42 (a b) c) S 7 42 42 0 -1 4194560 900 0 1 0 150 50 3 2 20 0 4 0 12345 1000 200"
	parent, used := parseStat(line)
	if want := 2050 * time.Millisecond; parent != 7 || used != want {
		t.Errorf("parent %d, used %v, want 7 and %v", parent, used, want)
	}
}
