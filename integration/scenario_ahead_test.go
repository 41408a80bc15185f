package integration

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"

	"branchpoint/integration/sim"
)

// TestScenario06Precache is row 6: a package, an application and an update are located and fetched on the corporate network before
// anyone asks. The configuration names no distribution point: those are used that the management point names. Clients find the files
// when nothing of the site answers any more.
func TestScenario06Precache(t *testing.T) {
	t.Parallel()
	forms := [...]tokenForm{inReply(sim.PlaceRoot, true, sim.EncodeCMS), byTokenManager(sim.EncodeHex), byTokenServices(sim.EncodeBase64), bySTS()}
	for kind := range sim.Hybrid + 1 {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), officeConfig{kind: kind, form: forms[kind], unnamed: true})
			segments := []string{roamingPackage, app + ".1", roamingUpdate}
			for _, segment := range segments {
				o.fetchAhead("mp", segment, 4)
			}
			o.expectLocated(len(segments))
			o.site.ManagementPoint.Kill()
			sent := o.site.Counters.Bytes()
			o.everybody(agent, segments) // who are told by a distribution point which files there are
			for _, dp := range o.dps {
				dp.Kill()
			}
			o.jobs(segments)
			if more := o.site.Counters.Bytes() - sent; more > 0 {
				t.Errorf("all was there, and %d bytes were sent", more)
			}
			o.expectOnce(segments)
		})
	}
}

// TestScenario06Updated is row 6 with a package whose source was updated twice. The site knows version 3 of it and no other, and no
// URL of a distribution point tells a version.
func TestScenario06Updated(t *testing.T) {
	t.Parallel()
	lib := roamingLibrary(t, 1<<20)
	for version := range 2 {
		_, err := lib.Publish(roamingPackage, sim.FileSpec{Path: "media/install.wim", Size: int64(3<<20 + version)}, sim.FileSpec{Path: "setup.exe", Size: 7},
			sim.FileSpec{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001}, sim.FileSpec{Path: "data/empty.flag"})
		must(t, err)
	}
	o := newOffice(t, lib, officeConfig{kind: sim.Workgroup, form: inReply(sim.PlaceRoot, false, sim.EncodeNot), unnamed: true})
	o.fetchAhead("mp", roamingPackage, 4, "--version", "3")
	o.site.ManagementPoint.Kill()
	o.everybody(agent, []string{roamingPackage})
	o.expectOnce([]string{roamingPackage})
}

// expectLocated fails the test unless the site was asked where each of n contents is, and for one token beside, unless those answers
// have tokens in them.
func (o *office) expectLocated(n int) {
	o.t.Helper()
	want := officeAsked{located: n}
	switch o.config.form.Form {
	case sim.DeliverInReply:
		want.tokens = n
	case sim.DeliverNowhere:
		want.exchanged, want.entra = 1, 1
	default:
		want.messages, want.tokens = 1, 1
	}
	if got := o.since(); got != want {
		o.t.Errorf("the site was asked %+v, want %+v", got, want)
	}
}

// jobs has BITS download the files of contents, without asking anybody which there are.
func (o *office) jobs(segments []string) {
	o.t.Helper()
	client, err := sim.NewBITS(sim.BITSConfig{ClientConfig: o.client(), MaxRetries: 1, RetryDelay: 1})
	must(o.t, err)
	for _, segment := range segments {
		for _, f := range filesOf(o.t, o.site.Library, []string{segment}) {
			if r := client.Download(o.t.Context(), bitsURL(o.dps[0], segment, (&url.URL{Path: f.Path}).EscapedPath())); r.Err != nil || r.Retries > 0 {
				o.t.Errorf("%s of %s: %v; troubles: %v", f.Path, segment, r.Err, r.Troubles)
			}
		}
	}
}

// fetchAhead runs the verb that fetches a content beforehand, and fails the test unless it brings so many files.
func (b *box) fetchAhead(from, segment string, files int, flags ...string) {
	b.t.Helper()
	args := append([]string{"precache", segment, "--from", from, "--json", "--config", filepath.Join(b.dir, "branchpoint.yaml")}, flags...)
	out, err := exec.Command(binary, args...).Output()
	var job struct {
		State  string `json:"state"`
		Counts struct {
			Fetched int `json:"fetched"`
		} `json:"counts"`
	}
	if badJSON := json.Unmarshal(out, &job); err != nil || badJSON != nil || job.State != "done" || job.Counts.Fetched != files {
		b.t.Fatalf("%s: %v, %v\n%s", segment, err, badJSON, out)
	}
}
