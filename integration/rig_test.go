// Package integration runs the real program against the simulated site, over real sockets.
//
// BRANCHPOINT_FULL=1 runs every test at its full count; without it a share of it, so that the suite stays short.
// BRANCHPOINT_REQUIRE=1 turns each skip for something that this machine lacks into a failure.
package integration

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "branchpoint")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "branchpoint.exe")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
		os.Setenv("GORACE", "atexit_sleep_ms=0") // or each verb, and each stop of a program, would take a second more
	}
	build := exec.Command("go", append(args, "branchpoint/cmd/branchpoint")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	scenarios.print(os.Stdout)
	return code
}

// full tells whether the full counts are asked for.
func full() bool { return os.Getenv("BRANCHPOINT_FULL") != "" }

// count returns n at full count and share otherwise.
func count(n, share int) int {
	if full() {
		return n
	}
	return share
}

// lacking skips a test for the want of something, or fails it when everything has to be there.
func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("BRANCHPOINT_REQUIRE") != "" {
		t.Fatalf("this machine should have everything: "+format, args...)
	}
	t.Skipf(format, args...)
}

// program returns the path of a program that the test needs.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, "%s is not installed", name)
	}
	return path
}

// box is a running Branchpoint.
type box struct {
	t     testing.TB
	cmd   *exec.Cmd
	dir   string // of the configuration; the cache is in dir/cache
	proxy *url.URL
	admin string
	web   http.Client // to the admin API; a box in a place of its own needs one that gets there
	log   *logBook
	ended chan error // gives back what it is read
}

// cacheDir is where the box keeps its blobs.
func (b *box) cacheDir() string { return filepath.Join(b.dir, "cache") }

// startBox runs the program with what extra adds to a configuration for the given DPs, in a new directory.
func startBox(t testing.TB, ca *sim.CA, dps []*sim.DP, extra string) *box {
	t.Helper()
	b := newBox(t, ca, dps, extra)
	b.start(b.command())
	return b
}

// newBox writes the configuration of a box that does not run yet.
func newBox(t testing.TB, ca *sim.CA, dps []*sim.DP, extra string) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir()}
	proxyAddr, adminAddr := freeAddress(t), freeAddress(t)
	b.proxy = &url.URL{Scheme: "http", Host: proxyAddr}
	b.admin = "http://" + adminAddr
	var y strings.Builder
	if !strings.Contains(extra, "listeners:") {
		fmt.Fprintf(&y, "listeners:\n  - {name: test, address: '%s'}\n", proxyAddr)
	}
	if !strings.Contains(extra, "cache:") {
		fmt.Fprintf(&y, "cache: {directory: '%s', min_free_bytes: 0}\n", b.cacheDir())
	}
	if len(dps) > 0 {
		y.WriteString("distribution_points:\n")
	}
	for _, dp := range dps {
		base := dp.URL("http")
		if base == "" {
			base = dp.URL("https")
		}
		fmt.Fprintf(&y, "  - {url: '%s', token_url: '%s'}\n", base, dp.URL("https"))
	}
	fmt.Fprintf(&y, "admin: {address: '%s', token_file: '%s'}\n", adminAddr, filepath.Join(b.dir, "admin.token"))
	if ca != nil {
		pem := filepath.Join(b.dir, "ca.pem")
		must(t, os.WriteFile(pem, ca.PEM(), 0o600))
		if !strings.Contains(extra, "upstream:") {
			fmt.Fprintf(&y, "upstream: {ca_files: ['%s']}\n", pem) // otherwise extra names $DIR/ca.pem
		}
	}
	extra = strings.NewReplacer("$DIR", b.dir, "$PROXY", proxyAddr, "$CACHE", b.cacheDir()).Replace(extra)
	must(t, os.WriteFile(filepath.Join(b.dir, "branchpoint.yaml"), []byte(y.String()+extra), 0o600))
	return b
}

// command returns the command that runs the program, behind another one if that is given.
func (b *box) command(before ...string) *exec.Cmd {
	args := append(before, binary, "serve", "--config", filepath.Join(b.dir, "branchpoint.yaml"))
	return exec.Command(args[0], args[1:]...)
}

// start runs the program and waits until it says that it serves.
func (b *box) start(cmd *exec.Cmd) {
	b.t.Helper()
	b.cmd = cmd
	b.log = &logBook{}
	pipe, err := cmd.StderrPipe()
	must(b.t, err)
	cmd.Stdout = io.Discard
	must(b.t, cmd.Start())
	b.ended = make(chan error, 1)
	read := make(chan struct{})
	go func() { defer close(read); b.log.read(pipe) }()
	go func() { <-read; b.ended <- cmd.Wait() }()
	b.t.Cleanup(b.stop)
	deadline := time.After(30 * time.Second)
	for {
		resp, err := b.web.Get(b.admin + "/healthz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			b.t.Fatalf("the program does not serve; its log:\n%s", b.log)
		case err := <-b.ended:
			b.ended <- err
			b.t.Fatalf("the program ended: %v; its log:\n%s", err, b.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the program as a power cut would.
func (b *box) kill() {
	_ = b.cmd.Process.Kill()
	<-b.ended
	b.ended <- errors.New("killed")
}

// stop ends the program as an administrator would.
func (b *box) stop() {
	select {
	case err := <-b.ended:
		b.ended <- err
		return
	default:
	}
	_ = b.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-b.ended:
		b.ended <- err
	case <-time.After(40 * time.Second):
		b.t.Error("the program does not end after an interrupt")
		b.kill()
	}
	if strings.Contains(b.log.String(), "DATA RACE") {
		b.t.Errorf("a data race in the program:\n%s", b.log)
	}
}

// client returns an HTTP client that goes through the box. Each has its own connections.
func (b *box) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(b.proxy), DisableCompression: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}}
}

// get returns what the admin listener says at a path.
func (b *box) get(path string) (int, string) {
	b.t.Helper()
	resp, err := b.web.Get(b.admin + path)
	must(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(b.t, err)
	return resp.StatusCode, string(body)
}

// change puts a request to the admin API that needs its token.
func (b *box) change(method, path, body string) {
	b.t.Helper()
	token, err := os.ReadFile(filepath.Join(b.dir, "admin.token"))
	must(b.t, err)
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.admin+path, strings.NewReader(body))
	must(b.t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := b.web.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		b.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
}

// metric returns the sum of a metric over all its labels, or the value of one series that is named with its labels.
func (b *box) metric(name string) float64 {
	b.t.Helper()
	_, text := b.get("/metrics")
	var sum float64
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		fields := strings.Fields(rest)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		must(b.t, err)
		sum += value
	}
	return sum
}

// freeAddress returns an address where nobody listens. Its port is below those that systems give to outgoing connections,
// so that none takes it while a program is restarted.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
