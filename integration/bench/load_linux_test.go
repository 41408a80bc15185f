package bench

import (
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is what one cache did in one turn.
type sample struct {
	requests float64 // finished ones, per second
	bytes    float64 // per second, headers and unfinished requests included
	cpu      float64 // processor seconds per GB
}

// loadScript makes wrk send one request over and over and print what it counted. It is in absolute-form, which a forward proxy
// needs and a reverse proxy has to take (RFC 9112 section 3.2.2), but for servers that speak TLS.
const loadScript = `
wrk.path = %q
wrk.headers["Host"] = %q
done = function(s)
  local e = s.errors
  print(string.format("BENCH,%%d,%%d,%%d,%%d", s.requests, s.bytes, s.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`

// load asks a cache for one file for a while, over a number of connections.
func load(t *testing.T, s *server, wrk, target string, connections int, d time.Duration) sample {
	t.Helper()
	script := filepath.Join(s.dir, "load.lua")
	parts, scheme := strings.SplitN(target, "/", 4), "http"
	if s.pair != nil {
		scheme, target = "https", "/"+parts[3]
	}
	must(t, os.WriteFile(script, fmt.Appendf(nil, loadScript, target, parts[2]), 0o644))
	before := cpuTime(t, s.cmd.Process.Pid)
	out, err := exec.Command(wrk, "-t", "1", "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%ds", int(d.Seconds())),
		"--timeout", "30s", "-s", script, scheme+"://"+s.address+"/").CombinedOutput()
	if err != nil {
		t.Fatalf("asking %s: %v\n%s", s.name, err, out)
	}
	used := cpuTime(t, s.cmd.Process.Pid) - before
	requests, bytes, took := counted(t, s, string(out))
	return sample{
		requests: requests / took.Seconds(), bytes: bytes / took.Seconds(), cpu: used.Seconds() / (bytes / 1e9),
	}
}

// counted reads what the script printed. An error of any kind spoils the figure.
func counted(t *testing.T, s *server, out string) (requests, bytes float64, took time.Duration) {
	t.Helper()
	_, line, ok := strings.Cut(out, "BENCH,")
	if !ok {
		t.Fatalf("wrk did not count:\n%s", out)
	}
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	must(t, err)
	var n [4]int64
	for i := range n {
		n[i], err = strconv.ParseInt(fields[i], 10, 64)
		must(t, err)
	}
	if n[1] == 0 || n[3] != 0 {
		t.Fatalf("%s: %d bytes, %d errors:\n%s", s.name, n[1], n[3], out)
	}
	return float64(n[0]), float64(n[1]), time.Duration(n[2]) * time.Microsecond
}

func splitHostPort(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	must(t, err)
	return host, port
}
