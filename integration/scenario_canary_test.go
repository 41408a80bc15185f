package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// TestScenarioCanary: a machine of each way into the gateway does all that rows 8 to 15 have, after trouble with everybody who has a
// part in it. Then everything that the program lets out is searched for the keys of the machine, its password, for the tokens of
// Entra, of CCM_STS and of the cloud distribution points, and for signed URLs: those that were really used, as taps on the
// connections of the program have seen them.
func TestScenarioCanary(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]roamingConfig{
		"by a token of Entra": {kind: sim.Hybrid, enrolled: true, delivery: sim.TokenDelivery{ExpiryName: "Until"}},
		"by a certificate":    {kind: sim.ADJoined, pki: true, delivery: sim.TokenDelivery{Encoding: sim.EncodeBase64}, decode: "base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.tapped = true
			c.extra = "upstream: {ca_files: ['$DIR/ca.pem'], connect_timeout: 1s, response_timeout: 1s, stall_timeout: 1s, give_up_after: 2s, cool_down: 50ms}\n"
			s := &roamingSinger{roaming: newRoaming(t, roamingLibrary(t, 3<<20+3), c)}
			s.birds.hatch("nothing") // what the search of the admin API sends itself
			s.say("identity", "register", "--config", s.config("office.yaml"))
			s.singInTrouble(t)
			s.singWell(t)
			s.perch(t)
			s.search(t)
		})
	}
}

// roamingSinger makes a roaming machine use all of its secrets.
type roamingSinger struct {
	*roaming
	birds flock
	jobs  int // for contents that were made up
}

// restart ends the program, whose log is kept, and begins anew, with nothing in memory.
func (s *roamingSinger) restart() {
	s.t.Helper()
	s.stop()
	s.said = append(s.said, s.log.String())
	s.start(s.command())
}

// fetch has a content that is new fetched by way of the gateway. Whether it succeeds is for others to say.
func (s *roamingSinger) fetch(t *testing.T) (ok bool) {
	t.Helper()
	s.jobs++
	id := s.made()
	_, err := s.site.Library.Publish(id, sim.FileSpec{Path: "a.cab", Size: 100_000})
	must(t, err)
	out, err := exec.Command(binary, "precache", id, "--from", "cmg", "--config", s.config("branchpoint.yaml")).CombinedOutput()
	s.said = append(s.said, string(out))
	return err == nil
}

// made is the content that was made up last.
func (s *roamingSinger) made() string { return fmt.Sprintf("PS20%04d", s.jobs) }

// singInTrouble goes through what may go wrong with each who is asked. Each begins with a program that has no token yet, since one
// that was refused leaves the gateway alone for a while.
func (s *roamingSinger) singInTrouble(t *testing.T) {
	located := sim.Fault{Message: "ContentLocationRequest"}
	of := func(f sim.Fault, kind sim.FaultKind) sim.Fault { f.Kind = kind; return f }
	for _, trouble := range []struct {
		with  string
		at    *sim.Faults
		fault sim.Fault
	}{
		{"a gateway that refuses", s.site.Gateway.Faults, sim.GatewayForbidden.Fault()},
		{"a gateway that takes no token", s.site.Gateway.Faults, sim.GatewayInvalidToken.Fault()},
		{"an answer that is empty", s.site.ManagementPoint.Faults, of(located, sim.FaultEmpty)},
		{"an answer that is broken", s.site.ManagementPoint.Faults, of(located, sim.FaultGarbage)},
		{"an answer with a document type", s.site.ManagementPoint.Faults, of(located, sim.FaultDTD)},
		{"an answer that is cut", s.site.ManagementPoint.Faults, sim.Fault{Kind: sim.FaultShortBody, After: 700, Message: "ContentLocationRequest"}},
		{"a list that is refused", s.classic.service.Faults, sim.Fault{Kind: sim.FaultStatus, Status: 401}},
		{"a blob that is refused", s.classic.storage.Faults, sim.Fault{Kind: sim.FaultStatus, Status: 403}},
		{"a blob that is cut", s.classic.storage.Faults, sim.Fault{Kind: sim.FaultReset, After: 1000}},
		{"a token service that leads elsewhere", s.site.TokenService.Faults, sim.Fault{Kind: sim.FaultRedirect, To: s.site.Gateway.URL("https") + "/elsewhere"}},
		{"a token service that fails", s.site.TokenService.Faults, sim.Fault{Kind: sim.FaultStatus, Status: 500}},
		{"a tenant that fails", s.site.Entra.Faults, sim.Fault{Kind: sim.FaultStatus, Status: 500}},
	} {
		if s.machine.PKI != nil && (trouble.at == s.site.TokenService.Faults || trouble.at == s.site.Entra.Faults) {
			continue // a certificate needs neither
		}
		in, err := trouble.at.Inject(trouble.fault)
		must(t, err)
		s.restart()
		ok := s.fetch(t)
		t.Logf("trouble with %s: it struck %d times; fetched: %t", trouble.with, in.Strikes(), ok)
		if in.Strikes() == 0 {
			t.Errorf("trouble with %s did not strike", trouble.with)
		}
		in.Lift()
	}
	s.singBrokenList(t)
}

// singBrokenList has nothing but a list that is broken off in the middle of its signed URLs.
func (s *roamingSinger) singBrokenList(t *testing.T) {
	for _, away := range []cloudDP{s.classic, s.own} {
		in, err := away.service.Faults.Inject(sim.Fault{Kind: sim.FaultStatus, Status: 503})
		must(t, err)
		defer in.Lift()
	}
	s.broken.Store(true)
	defer s.broken.Store(false)
	s.restart()
	if s.fetch(t) {
		t.Error("a content was fetched by a list that is broken")
	}
	t.Logf("trouble with a list that is broken: %s", s.said[len(s.said)-1])
}

// singWell does what works, and has tokens taken back in between. Everything of it is in the memory of the program afterwards.
func (s *roamingSinger) singWell(t *testing.T) {
	s.restart()
	for _, take := range []string{"nothing", "the tokens of the gateway", "the tokens of the cloud"} {
		switch take {
		case "the tokens of the gateway":
			for _, token := range s.tapsSaw("gateway", bearer) {
				s.site.CCMTokens.Revoke(sim.NewSecret(token))
			}
		case "the tokens of the cloud":
			for _, token := range s.tapsSaw("classic service", bearer) {
				s.classic.tokens.Revoke(sim.NewSecret(token))
			}
		}
		if !s.fetch(t) {
			t.Errorf("with %s taken back, nothing could be fetched: %s", take, s.said[len(s.said)-1])
		}
	}
	stranger := s.birds.hatch("token of nobody")
	if got := s.newJob(s.classic, roamingUpdate, 1, func(c *sim.CloudConfig) { c.BITS.Token = stranger }).run(t); got.Err == nil {
		t.Error("a client with a bad token got something")
	}
	expectSmooth(t, "a client of its own", s.newJob(s.classic, roamingUpdate, 2, nil).run(t))
	_, err := s.classic.storage.Faults.Inject(sim.Fault{Kind: sim.FaultKill, Offset: 2 << 20, Match: "install.wim", Count: 1})
	must(t, err)
	expectSmooth(t, "a client whose cloud distribution point dies", s.newJob(s.classic, app+".1", 3, nil).run(t))
	if by := s.site.Counters.BytesBy(); by[s.own.name]+by[s.spare.name] == 0 {
		t.Errorf("nobody took over: %v", by)
	}
	s.classic.service.Kill()
	expectSmooth(t, "a client of the gateway", s.newJob(s.own, roamingImage, 4, nil).run(t))
}

// search looks through everything that the program lets out, and ends it.
func (s *roamingSinger) search(t *testing.T) {
	t.Helper()
	f := s.birds
	for _, args := range [][]string{{"identity", "show"}, {"identity", "show", "--json"}, {"health"}} {
		f.expectClean(t, strings.Join(args, " "), s.run(append(args, "--config", s.config("branchpoint.yaml"))...))
	}
	for _, said := range s.said {
		f.expectClean(t, "what a verb or an earlier program has said", said)
	}
	_, list := s.get("/api/v1/precache")
	f.expectClean(t, "the list of jobs", list)
	var jobs struct {
		Jobs []struct {
			ID string `json:"id"`
		} `json:"jobs"`
	}
	if err := json.Unmarshal([]byte(list), &jobs); err != nil || len(jobs.Jobs) < 3 {
		t.Errorf("the list of jobs: %v, %.200s", err, list)
	}
	for _, job := range jobs.Jobs {
		_, text := s.get("/api/v1/precache/" + job.ID)
		f.expectClean(t, "a job", text)
	}
	f.searchAll(t, s.box, "media/install.wim", "getcontentxmlsecure", s.made())
	s.searchKeys(t)
}

// searchKeys looks at the directory of the secrets: each is in the file that it was put into, which nobody else may read.
func (s *roamingSinger) searchKeys(t *testing.T) {
	own := map[string]bool{"client.key": true}
	for _, secret := range s.secrets {
		own[secret.name] = true
	}
	for _, path := range filesIn(t, s.keys, "") {
		info, err := os.Stat(path)
		must(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s can be read by others: %v", path, mode)
		}
		text, err := os.ReadFile(path)
		must(t, err)
		if !own[filepath.Base(path)] {
			s.birds.expectClean(t, path, string(text))
		}
	}
}
