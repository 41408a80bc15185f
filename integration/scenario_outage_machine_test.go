package integration

import (
	"context"
	"encoding/json"
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

// fetch runs the verb that fetches a content beforehand.
func (s *struck) fetch(content, from string, more ...string) (j precache.Job, took time.Duration) {
	s.t.Helper()
	began := time.Now()
	args := append([]string{"precache", content, "--from", from, "--json", "--config", s.path("branchpoint.yaml")}, more...)
	out, err := exec.Command(binary, args...).Output()
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
	s.start(s.command())
	if took := time.Since(s.since); took > soon() {
		s.t.Errorf("the box takes %v to start without its site", took)
	}
}
