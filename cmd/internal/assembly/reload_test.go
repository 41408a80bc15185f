package assembly

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/admin"
	"branchpoint/configs"
	"branchpoint/integration/sim"
	"branchpoint/proxy"
	"branchpoint/proxy/authority"
)

const twoListeners = `
listeners: [{name: a, address: "127.0.0.1:0"}, {name: b, address: "127.0.0.1:0", entitlement: origin}]
distribution_points: [{url: "http://dp1"}]
token: {sources: [{type: file, file: first}]}
`

func TestReloadOfEverything(t *testing.T) {
	r := newRig(t, twoListeners)
	r.must(os.WriteFile(filepath.Join(r.dir, "first"), []byte("one"), 0o600))
	r.must(os.WriteFile(filepath.Join(r.dir, "second"), []byte("two"), 0o600))
	r.reloads()
	r.write(`
listeners: [{name: a, address: "127.0.0.1:0", connect_ports: [8443]}, {name: b, address: "127.0.0.1:0", entitlement: network, networks: [10.0.0.0/8]}]
distribution_points: [{url: "http://dp2"}, {url: "http://dp1", audience: another}]
token: {sources: [{type: file, file: second}], header_name: X-Token}
log: {level: debug}
cache: {directory: cache, min_free_bytes: 0, max_bytes: 2GiB}
`)
	r.reloads("cache.max_bytes", "distribution_points", "listeners[0].connect_ports", "listeners[1].entitlement", "listeners[1].networks",
		"log.level", "token.header_name", "token.sources[0].file")
	h := http.Header{}
	if _, err := r.broker.Authorize(t.Context(), "default", h); err != nil || h.Get("X-Token") != "Bearer two" {
		t.Errorf("the token is %v, %v", h, err)
	}
	var urls []string
	for _, s := range r.pool.Status() {
		urls = append(urls, s.URL)
	}
	if !slices.Equal(urls, []string{"http://dp2:80", "http://dp1:80"}) {
		t.Errorf("known are %q", urls)
	}
	if got := r.doors.clients[0].front.Settings().ConnectPorts; !slices.Equal(got, []string{"8443"}) {
		t.Errorf("tunnels may lead to %q", got)
	}
	if got := r.doors.status()[1].Entitlement; got != "network" || !strings.Contains(r.says.String(), "every client in these networks") {
		t.Errorf("the entitlement is %s; the log says\n%s", got, r.says)
	}
	if r.store.Status().MaxBytes != 2<<30 || r.level.Level() != slog.LevelDebug {
		t.Errorf("the budget is %d, the level %v", r.store.Status().MaxBytes, r.level)
	}
	if log := r.says.String(); !strings.Contains(log, "token.header_name") || strings.Contains(log, "X-Token") {
		t.Errorf("the log should name settings and no values:\n%s", log)
	}
}

// TestABadConfigurationChangesNothing: whatever part it is that does not take it.
func TestABadConfigurationChangesNothing(t *testing.T) {
	r := newRig(t, twoListeners)
	r.must(os.WriteFile(filepath.Join(r.dir, "first"), []byte("one"), 0o600))
	r.must(os.WriteFile(filepath.Join(r.dir, "empty.pem"), nil, 0o600))
	good := strings.Replace(twoListeners, "dp1", "dp9", 1) + "log: {level: error}\ncache: {directory: cache, max_bytes: 3GiB}\n"
	before := r.state()
	for name, tt := range map[string]struct {
		text, says string
		problems   int
	}{
		"two mistakes":      {strings.Replace(good, "origin", "nobody", 1) + "what: 1\n", "the configuration has 2 problems", 2},
		"not YAML":          {"[", "the configuration has a problem", 1},
		"a CA file":         {good + "upstream: {ca_files: [empty.pem]}\n", "upstream.ca_files: " + filepath.Join(r.dir, "empty.pem") + " holds no certificate in PEM form", 0},
		"no CA file":        {good + "upstream: {ca_files: [missing.pem]}\n", "reading upstream.ca_files: ", 0},
		"two parts at once": {good + "upstream: {ca_files: [missing.pem]}\ncloud_management_gateways: []\n", "reading upstream.ca_files: ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r.write(tt.text)
			done, err := r.Reload()
			rejected, ok := errors.AsType[*admin.Rejected](err)
			if !ok || !strings.HasPrefix(rejected.Reason, tt.says) || len(rejected.Problems) != tt.problems || done.Changed != nil {
				t.Errorf("Reload = %v, %#v; want %q and %d problems", done, err, tt.says, tt.problems)
			}
			for _, p := range rejected.Problems {
				if p.File != r.file || p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("a problem is %+v", p)
				}
			}
			if after := r.state(); after != before {
				t.Errorf("it was\n%sand is\n%s", before, after)
			}
		})
	}
	r.must(os.Remove(r.file))
	if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), "reading the configuration") {
		t.Errorf("without a file: %v", err)
	}
	r.write(twoListeners)
	r.reloads()
	if after := r.state(); after != before {
		t.Errorf("it was\n%sand is\n%s", before, after)
	}
}

// TestReloadReadsFilesAgain: what they hold may change although their names do not.
func TestReloadReadsFilesAgain(t *testing.T) {
	r := newRig(t, twoListeners)
	cas := [2]*sim.CA{}
	for i := range cas {
		var err error
		cas[i], err = sim.NewCA()
		r.must(err)
	}
	pem := filepath.Join(r.dir, "roots.pem")
	r.must(os.WriteFile(pem, cas[0].PEM(), 0o600))
	text := twoListeners + "upstream: {ca_files: [roots.pem]}\n"
	r.write(text)
	r.reloads("upstream.ca_files")
	roots := r.files.roots
	r.reloads()
	if r.files.roots != roots {
		t.Error("roots that are the same take the place of themselves")
	}
	r.must(os.WriteFile(pem, cas[1].PEM(), 0o600))
	r.reloads("upstream.ca_files")

	names, err := authority.ParseNames([]string{"dp1"})
	r.must(err)
	if r.front.Interception().On {
		t.Error("HTTPS is seen into without an authority")
	}
	ca := filepath.Join(r.dir, "ca")
	_, err = authority.Create(ca, names)
	r.must(err)
	r.reloads("interception.ca_directory")
	first := r.files.authority
	r.reloads()
	if !r.front.Interception().On || r.files.authority != first {
		t.Error("the authority is not in use, or was loaded again although it is the same")
	}
	_, err = authority.Rotate(ca, names)
	r.must(err)
	_, err = authority.Activate(ca)
	r.must(err)
	r.reloads("interception.ca_directory")
	r.must(os.RemoveAll(ca))
	r.reloads("interception.ca_directory")
	if r.front.Interception().On {
		t.Error("HTTPS is seen into by an authority that is there no more")
	}
	if n := strings.Count(r.says.String(), "HTTPS is tunnelled and not seen into"); n != 2 {
		t.Errorf("that HTTPS is tunnelled is told %d times, want twice: at the start, and at the end", n)
	}
}

// TestReloadDropsWhatNobodyHasAnyMore, and only that.
func TestReloadDropsWhatNobodyHasAnyMore(t *testing.T) {
	const points = `distribution_points: [{url: "http://dp1", audience: kept}, {url: "http://dp2", audience: gone}]`
	r := newRig(t, "listeners: [{address: '127.0.0.1:0'}]\n"+points)
	for _, audience := range []string{"kept", "gone", "of-a-script"} {
		r.must(r.broker.Set(audience, "secret", time.Time{}))
	}
	r.write("listeners: [{address: '127.0.0.1:0'}]\n" + `distribution_points: [{url: "http://dp1", audience: kept}]`)
	r.reloads("distribution_points")
	var left []string
	for _, s := range r.broker.Status() {
		left = append(left, s.Audience)
	}
	if !slices.Equal(left, []string{"kept", "of-a-script"}) {
		t.Errorf("tokens are known for %q", left)
	}
	r.observer.Observe("dp2:80", http.Header{"Authorization": {"Bearer x"}})
	if n := len(r.broker.Status()); n != 2 {
		t.Error("a token for a distribution point that is not configured was learned")
	}
}

// TestAListenerThatIsLeftAlone keeps its settings, and the others get theirs.
func TestAListenerThatIsLeftAlone(t *testing.T) {
	r := newRig(t, `
listeners: [{name: a, address: "127.0.0.1:0", kind: gateway, distribution_point: dp1}, {name: b, address: "127.0.0.1:0"}]
distribution_points: [{url: "http://dp1"}]
`)
	r.write(`
listeners: [{name: b, address: "127.0.0.1:0", connect_ports: [1]}]
distribution_points: [{url: "http://dp2"}]
`)
	done, err := r.Reload()
	r.must(err)
	if want := []string{"listeners (127.0.0.1:0 is there no more)"}; !slices.Equal(done.NeedRestart, want) {
		t.Errorf("a restart is needed for %q, want %q", done.NeedRestart, want)
	}
	status := r.doors.status()
	if status[0].Gateway != "http://dp1" || status[0].Kind != "gateway" || !slices.Equal(r.doors.clients[1].front.Settings().ConnectPorts, []string{"1"}) {
		t.Errorf("the listeners are %+v", status)
	}
}

// TestReloadsAtOnce take turns.
func TestReloadsAtOnce(t *testing.T) {
	r := newRig(t, twoListeners)
	var inside, most int
	load := r.load
	r.load = func() (*configs.Config, error) {
		inside++
		most = max(most, inside)
		defer func() { inside-- }()
		return load()
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if _, err := r.Reload(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d reloads at a time", most)
	}
}

func TestNothingToReload(t *testing.T) {
	r := newRig(t, twoListeners)
	r.load = nil
	if _, err := r.Reload(); err == nil || err.Error() != errNotReloaded.Error() {
		t.Errorf("a reload without a file: %v", err)
	}
}

// TestGuardLimit: the limit of the dialer changes, and what is forbidden stays so.
func TestGuardLimit(t *testing.T) {
	r := newRig(t, twoListeners)
	at := r.doors.clients[0].Addr().String()
	for _, limit := range []time.Duration{time.Minute, time.Hour} {
		r.shared.guard.limit(configs.Duration(limit))
		_, err := r.shared.guard.dial(t.Context(), "tcp", at)
		if _, ok := errors.AsType[*proxy.ForbiddenError](err); !ok {
			t.Errorf("our own listener can be dialled: %v", err)
		}
	}
	r.shared.guard.limit(configs.Duration(time.Nanosecond))
	if _, err := r.shared.guard.dial(t.Context(), "tcp", "127.0.0.1:1"); !os.IsTimeout(err) {
		t.Errorf("dialling within a nanosecond: %v", err)
	}
}
