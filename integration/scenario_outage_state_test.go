package integration

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"branchpoint/admin"
	"branchpoint/tokenbroker/site"
)

// state is all that a box says of the way to its site, wherever it says it.
type state struct {
	admin.Status
	way    site.WayStatus
	ready  int           // the status of /readyz
	checks []admin.Check // of /readyz
	table  string        // of the verb
	asked  time.Time
}

// status is how the way is doing.
func (s *struck) status() site.WayStatus {
	s.t.Helper()
	return s.state().way
}

// state reads the admin API.
func (s *struck) state() (now state) {
	s.t.Helper()
	code, text := s.get("/api/v1/status")
	must(s.t, json.Unmarshal([]byte(text), &now.Status))
	if code != http.StatusOK || now.Site == nil {
		s.t.Fatalf("the admin API answers %d: %s", code, text)
	}
	for _, w := range now.Site.Ways {
		if w.Name == s.way {
			now.way = w
		}
	}
	var answer struct{ Checks []admin.Check }
	now.ready, text = s.get("/readyz")
	must(s.t, json.Unmarshal([]byte(text), &answer))
	now.checks, now.asked = answer.Checks, time.Now()
	return now
}

// all reads what the verbs say too.
func (s *struck) all() state {
	s.t.Helper()
	now := s.state()
	var err error
	now.table, err = s.verb("status")
	must(s.t, err)
	return now
}

// verb runs one that may fail.
func (s *struck) verb(args ...string) (said string, err error) {
	out, err := exec.Command(binary, append(args, "--config", s.path("branchpoint.yaml"))...).CombinedOutput()
	return string(out), err
}

// expectWell fails the test unless the admin API says that the site has answered after some moment, and that nothing is wrong.
func (s *struck) expectWell(after time.Time) {
	s.t.Helper()
	var now state
	eventually(s.t, soon(), "the site answers, and knows us", func() bool {
		now = s.state()
		return now.way.State == "ok" && now.way.LastSuccess.After(after) && now.Site.Registration.State == "registered"
	})
	if w := now.way; w.TokenError != "" || !w.RetryAt.IsZero() || now.ready != http.StatusOK || !now.Ready || len(now.Checks) > 0 {
		s.t.Errorf("all is well, and the box says: %+v; %d %+v", w, now.ready, now.Checks)
	}
}

// expectAllWell is expectWell, and the verbs say so too.
func (s *struck) expectAllWell(after time.Time) {
	s.t.Helper()
	s.expectWell(after)
	s.expectRow(s.all(), `ok +│ [^│]*(now|ago) +│ [^│]*(now|ago)`)
	if said, err := s.verb("health", "--ready"); err != nil || said != "ok\n" {
		s.t.Errorf("all is well, and health says: %v, %s", err, said)
	}
}

// expectRow fails the test unless the table of the verb has such a row for the way.
func (s *struck) expectRow(now state, cells string) {
	s.t.Helper()
	name := map[string]string{"mp": "management point", "cmg": "gateway"}[s.way]
	if !regexp.MustCompile(`(?m)^│ ` + name + ` +│ ` + cells).MatchString(now.table) {
		s.t.Errorf("status has no %q of the %s:\n%s", cells, name, now.table)
	}
}

// expectTrouble fails the test unless a job that needs the site fails with the reason, everything says what is wrong and since when,
// and goes on to say so when it is asked again.
func (o outage) expectTrouble(s *struck) {
	s.t.Helper()
	s.expectJob("while the site is down", "failed", o.says)
	first := s.all()
	o.expectSaid(s, first)
	o.expectVerbs(s, first)
	s.expectJob("while the site is left alone", "failed", "asked again at")
	second := s.state()
	o.expectSaid(s, second)
	if !first.way.Since.Equal(second.way.Since) || !first.way.RetryAt.Equal(second.way.RetryAt) {
		s.t.Errorf("nothing has changed, but what the box says of it: %+v, and then %+v", first.way, second.way)
	}
}

// expectVerbs fails the test unless the verbs tell of the outage.
func (o outage) expectVerbs(s *struck, now state) {
	s.t.Helper()
	last := `[^│]*(now|ago)`
	if now.way.LastSuccess.IsZero() {
		last = "never"
	}
	s.expectRow(now, o.state+` +│ [^│]*(now|ago) +│ `+last)
	if ready := !strings.Contains(now.table, "not ready; clients are still served"); ready == o.notReady || !strings.Contains(now.table, o.says) {
		s.t.Errorf("status does not say %q, or whether it is ready:\n%s", o.says, now.table)
	}
	if said, err := s.verb("health"); err != nil || said != "ok\n" {
		s.t.Errorf("the program is alive, and health says: %v, %s", err, said)
	}
	if said, err := s.verb("health", "--ready"); (err != nil) != o.notReady || o.notReady && !strings.Contains(said, o.says) {
		s.t.Errorf("%s: health says: %v, %s", o.name, err, said)
	}
}

// expectSaid fails the test unless the admin API tells of the outage.
func (o outage) expectSaid(s *struck, now state) {
	s.t.Helper()
	w := now.way
	within := func(at time.Time) bool { return !at.Before(s.since) && !at.After(now.asked) }
	if w.State != o.state || !strings.Contains(w.LastError, o.says) || !within(w.Since) || !within(w.LastErrorAt) || !w.RetryAt.After(w.Since) {
		s.t.Errorf("%s since %v: the box says at %v: %+v", o.name, s.since, now.asked, w)
	}
	from, to := s.began, s.since
	if s.cut {
		from, to = time.Time{}, time.Time{}
	}
	if w.LastSuccess.Before(from) || w.LastSuccess.After(to) {
		s.t.Errorf("%s since %v: the last answer came at %v; want it from %v to %v", o.name, s.since, w.LastSuccess, from, to)
	}
	o.expectReady(s, now)
}

// expectReady fails the test unless the checks are as the table says.
func (o outage) expectReady(s *struck, now state) {
	s.t.Helper()
	if !o.notReady {
		if !now.Ready || now.ready != http.StatusOK {
			s.t.Errorf("%s: ready: %d, %+v", o.name, now.ready, now.Checks)
		}
		return
	}
	if now.Ready || now.ready != http.StatusServiceUnavailable {
		s.t.Errorf("%s: ready: %d, %+v", o.name, now.ready, now.Checks)
	}
	var last time.Time // when the last of the ways failed: since then nobody can be asked
	for _, w := range now.Site.Ways {
		if w.Since.After(last) {
			last = w.Since
		}
	}
	for _, checks := range [][]admin.Check{now.checks, now.Checks} {
		if len(checks) != 1 || checks[0].Name != "site" || !strings.Contains(checks[0].Reason, o.says) || !checks[0].Since.Equal(last) {
			s.t.Errorf("%s since %v: checks: %+v", o.name, last, checks)
		}
	}
}
