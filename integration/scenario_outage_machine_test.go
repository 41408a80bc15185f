package integration

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/admin"
	"branchpoint/integration/sim"
	"branchpoint/proxy/precache"
)

// struck is a machine whose site is down: one in the office or one on the road, and the other is nil.
type struck struct {
	*box
	office *office
	road   *roaming
	way    string    // to the site that it has, as the admin API calls it
	began  time.Time // before the box was started first
	since  time.Time // before the outage came, or the box that runs was started in the middle of it
	mended time.Time // when the outage has ended
	cut    bool      // the box that runs knows nothing from before the outage
	dead   []server  // killed servers
	kept   []func()  // give their ports back
	have   []string  // what is in its cache before the power cut
}

// outageSpare is a further content of outageLibrary.
const outageSpare = "PS100033"

func outageLibrary(t testing.TB) *sim.Library {
	lib := roamingLibrary(t, 1<<20+3)
	_, err := lib.Publish(outageSpare, sim.FileSpec{Path: "media/install.wim", Size: 1<<20 + 7}, sim.FileSpec{Path: "setup.exe", Size: 70_007})
	must(t, err)
	return lib
}

// outageContents are those that every machine has in the middle of an outage: one that was there, and two that came with the tokens at
// hand.
func outageContents() []string { return []string{roamingPackage, roamingUpdate, app + ".1"} }

func (s *struck) site() *sim.Site {
	if s.office != nil {
		return s.office.site
	}
	return s.road.site
}

func (s *struck) path(name string) string { return filepath.Join(s.dir, name) }

// server is one that can be killed.
type server interface {
	Kill()
	Revive(context.Context) error
	Address(scheme string) string
}

// fell kills servers.
func (s *struck) fell(servers ...server) {
	s.t.Helper()
	for _, one := range servers {
		one.Kill()
		for _, scheme := range []string{"http", "https"} {
			if address := one.Address(scheme); address != "" {
				leave := sync.OnceFunc(keepPort(s.t, address))
				s.t.Cleanup(leave)
				s.kept = append(s.kept, leave)
			}
		}
	}
	s.dead = append(s.dead, servers...)
}

// revive starts those again that were killed.
func (s *struck) revive() {
	s.t.Helper()
	for _, leave := range s.kept {
		leave()
	}
	for _, one := range slices.Backward(s.dead) {
		must(s.t, one.Revive(s.t.Context()))
	}
}

// atOffice is a workgroup machine by its management point. It has a package in its cache, and a token for the distribution points.
func atOffice(t *guest) *struck {
	t.Helper()
	s := &struck{way: "mp", began: time.Now(), have: outageContents()}
	s.office = newOffice(t, outageLibrary(t), officeConfig{kind: sim.Workgroup, form: byTokenManager(sim.EncodeNot)})
	s.box = s.office.box
	expectSmooth(t, "before the outage", agent(s.office)(roamingPackage))
	return s
}

// onRoad is a machine that is joined to Entra. It has a package in its cache, a CCM token, and the locations of an application with
// the tokens for its cloud distribution points.
func onRoad(t *guest) *struck {
	t.Helper()
	s := &struck{way: "cmg", began: time.Now(), have: outageContents()}
	c := wrapping{sim.EncodeNot, "none"}.roaming(sim.EntraJoined)
	c.enrolled = true
	s.road = newRoaming(t, outageLibrary(t), c)
	s.box = s.road.box
	expectSmooth(t, "before the outage", s.road.newJob(s.road.classic, roamingPackage, 1, nil).run(t))
	if j, _ := s.fetch(app+".1", "cmg", "--dry-run"); j.State != precache.StateDone || j.Counts.Pending != 4 {
		t.Fatalf("locating %s: %+v", app, j)
	}
	return s
}

// swift spares a program with the race detector the second that it waits for before it ends.
func swift(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// fetch runs the verb that fetches a content beforehand.
func (s *struck) fetch(content, from string, more ...string) (j precache.Job, took time.Duration) {
	s.t.Helper()
	began := time.Now()
	args := append([]string{"precache", content, "--from", from, "--json", "--config", s.path("branchpoint.yaml")}, more...)
	out, err := swift(exec.Command(binary, args...)).Output()
	if badJSON := json.Unmarshal(out, &j); badJSON != nil || (err == nil) != (j.State == precache.StateDone) {
		s.t.Fatalf("fetching %s beforehand: %v, %v\n%s", content, err, badJSON, out)
	}
	return j, time.Since(began)
}

// fetchAside has a content fetched beforehand, and does not wait for it.
func (s *struck) fetchAside(content string) {
	s.t.Helper()
	if said, err := s.verb("precache", content, "--from", s.way, "--detach"); err != nil {
		s.t.Errorf("fetching %s beforehand: %v\n%s", content, err, said)
	}
}

// stall begins a job that comes to a halt before the first byte of a content, until the power is cut.
func (s *struck) stall() {
	s.t.Helper()
	halted, err := s.office.dps[0].Faults.Inject(sim.Fault{Kind: sim.FaultStall, Match: outageSpare})
	must(s.t, err)
	_, err = s.office.dps[1].Faults.Inject(sim.Fault{Kind: sim.FaultStall, Match: outageSpare})
	must(s.t, err)
	s.fetchAside(outageSpare)
	select {
	case <-halted.Struck():
	case <-time.After(soon()):
		s.t.Fatalf("the job does not come to its files: %+v", s.job(outageSpare))
	}
}

// job is the last one for a content, as it is now.
func (s *struck) job(content string) (j precache.Job) {
	s.t.Helper()
	_, text := s.get("/api/v1/precache")
	var list admin.PrecacheList
	must(s.t, json.Unmarshal([]byte(text), &list))
	for _, one := range slices.Backward(list.Jobs) { // the newest is the first
		if one.Content == content {
			j = one
		}
	}
	return j
}

// expectJob has a content fetched of which only the site can say where it is, and fails the test unless the job ends so.
func (s *struck) expectJob(when string, want precache.State, says string) {
	s.t.Helper()
	if j, took := s.fetch(roamingImage, s.way); j.State != want || !strings.Contains(j.Reason, says) || took > soon() {
		s.t.Errorf("%s: a job is %s after %v: %q; want it %s: %q", when, j.State, took, j.Reason, want, says)
	}
}

// expectServed fails the test unless clients get what is cached, and the rest with the tokens at hand; the site is not asked for it.
func (s *struck) expectServed() {
	s.t.Helper()
	began := time.Now()
	if s.office != nil {
		s.office.expectServed()
	} else {
		s.road.expectServed(s)
	}
	s.expectQuick("with the tokens at hand", began)
}

// expectServedAnew is expectServed after a power cut, when no token of the box is at hand.
func (s *struck) expectServedAnew() {
	s.t.Helper()
	began := time.Now()
	if s.office != nil {
		s.office.expectServedAnew()
	} else {
		s.road.expectServedAnew()
	}
	s.expectQuick("after a power cut", began)
}

func (s *struck) expectQuick(when string, began time.Time) {
	s.t.Helper()
	if took := time.Since(began); took > soon() {
		s.t.Errorf("%s clients were served within %v", when, took)
	}
}

// restart cuts the power of the box, and starts it again in the middle of the outage. What came in the last second is not
// recorded yet, and would be lost.
func (s *struck) restart() {
	s.t.Helper()
	files := filesOf(s.t, s.site().Library, s.have)
	var size int64
	for _, f := range files {
		size += f.Size
	}
	eventually(s.t, soon(), "what is cached is recorded", func() bool { return claimed(auditCache(s.t, s.cacheDir(), files)) == size })
	s.kill()
	if s.office != nil {
		for _, dp := range s.office.dps {
			dp.Faults.Clear() // see stall
		}
	}
	s.since, s.cut = time.Now(), true
	s.start(swift(s.command()))
	if took := time.Since(s.since); took > soon() {
		s.t.Errorf("the box takes %v to start without its site", took)
	}
}

func (o *office) expectServed() {
	o.t.Helper()
	asked, sent := o.asked(), o.site.Counters.Bytes()
	o.jobs([]string{roamingPackage})
	o.expectSent("a package that is cached", sent, false)
	expectSmooth(o.t, "an update, with the token at hand", agent(o)(roamingUpdate))
	o.expectSent("an update", sent, true)
	sent = o.site.Counters.Bytes()
	o.fetchAhead(o.dps[0].URL("http"), app+".1", 4)
	o.expectSent("an application beforehand", sent, true)
	if now := o.asked(); now != asked {
		o.t.Errorf("the site was asked %+v, and before %+v", now, asked)
	}
}

// expectKept has BITS download what is cached of contents. Files without a byte are left out: there is no record of them.
func (o *office) expectKept(segments []string) {
	o.t.Helper()
	client, err := sim.NewBITS(sim.BITSConfig{ClientConfig: o.client(), MaxRetries: 1, RetryDelay: 1})
	must(o.t, err)
	for _, segment := range segments {
		for _, f := range filesOf(o.t, o.site.Library, []string{segment}) {
			if f.Size == 0 {
				continue
			}
			r := client.Download(o.t.Context(), bitsURL(o.dps[0], segment, (&url.URL{Path: f.Path}).EscapedPath()))
			if r.Err != nil || r.Retries > 0 {
				o.t.Errorf("%s of %s, which is cached: %v; troubles: %v", f.Path, segment, r.Err, r.Troubles)
			}
		}
	}
}

// expectServedAnew leaves out the files of a bare package ID, which may have changed: a distribution point is asked about them, and
// wants a token.
func (o *office) expectServedAnew() {
	o.t.Helper()
	sent := o.site.Counters.Bytes()
	o.expectKept(outageContents()[1:])
	if r := agent(o)(outageSpare); r.Err == nil || !strings.Contains(r.Err.Error(), "401") {
		o.t.Errorf("there is no token, and a client got %v", r.Err)
	}
	o.expectSent("what is cached, and what nobody may have", sent, false)
}

// expectSent fails the test unless distribution points have, or have not, sent anything since.
func (o *office) expectSent(what string, before int64, any bool) {
	o.t.Helper()
	if more := o.site.Counters.Bytes() - before; (more > 0) != any {
		o.t.Errorf("%s: %d bytes were sent", what, more)
	}
}

func (r *roaming) expectServed(s *struck) {
	r.t.Helper()
	asked := r.asked()
	r.sent()
	expectSmooth(r.t, "a package that is cached", r.newJob(r.classic, roamingPackage, 2, nil).run(r.t))
	if sent := r.sent(); len(sent) > 0 {
		r.t.Errorf("a package was cached, and these were sent: %v", sent)
	}
	expectSmooth(r.t, "an update, with the client's token", r.newJob(r.classic, roamingUpdate, 3, nil).run(r.t))
	if sent := r.sent(); sent[r.classic.name] == 0 {
		r.t.Errorf("an update came from %v", sent)
	}
	if j, _ := s.fetch(app+".1", "cmg"); j.State != precache.StateDone || j.Counts.Fetched != 4 {
		r.t.Errorf("an application whose locations and tokens are at hand: %+v", j)
	}
	if now := r.asked(); now != asked {
		r.t.Errorf("the site was asked %+v, and before %+v", now, asked)
	}
}

func (r *roaming) expectServedAnew() {
	r.t.Helper()
	r.sent()
	for n, segment := range outageContents() {
		expectSmooth(r.t, segment+", which is cached", r.newJob(r.classic, segment, 4+n, nil).run(r.t))
	}
	if sent := r.sent(); len(sent) > 0 {
		r.t.Errorf("all was cached, and these were sent: %v", sent)
	}
	spare := r.newJob(r.classic, outageSpare, 9, nil)
	expectSmooth(r.t, "a package, with the client's token", spare.run(r.t))
	if sent := r.sent(); sent[r.classic.name] == 0 {
		r.t.Errorf("a package came from %v", sent)
	}
}
