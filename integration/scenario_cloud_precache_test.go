package integration

import (
	"encoding/json"
	"os/exec"
	"testing"

	"branchpoint/integration/sim"
)

// TestScenario14Precache is row 14: contents are fetched by way of the gateway before anyone asks. It opens to a PKI certificate, and
// the tokens that come by it open the cloud distribution points: bare, in hex, and encrypted to our certificate.
func TestScenario14Precache(t *testing.T) {
	t.Parallel()
	for kind, w := range map[sim.MachineKind]wrapping{
		sim.Workgroup: {sim.EncodeCMS, "cms-enveloped"}, sim.ADJoined: {sim.EncodeHex, "hex"}, sim.Hybrid: {sim.EncodeNot, "none"},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			c := w.roaming(kind)
			c.pki = true
			r := newRoaming(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), c)
			r.precacheAll()
			if now := r.asked(); now.byToken+now.exchanged+now.entra > 0 {
				t.Errorf("a certificate opens the gateway, and it was asked like this: %+v", now)
			}
		})
	}
}

// TestScenario15Precache is the second half of row 15, which is row 14 by a CCM token that CCM_STS gives for a token of Entra.
func TestScenario15Precache(t *testing.T) {
	t.Parallel()
	for kind, w := range map[sim.MachineKind]wrapping{sim.EntraJoined: {sim.EncodeBase64, "base64"}, sim.Hybrid: {sim.EncodeNot, "none"}} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			c := w.roaming(kind)
			c.enrolled = true
			r := newRoaming(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), c)
			r.precacheAll()
			r.expectExchanged()
		})
	}
}

// precacheAll fetches an application from the first cloud distribution point that the site names, a package from the gateway's own
// content when that one is dead, and then has clients find them, when nothing of the site answers but what tells them of their files.
func (r *roaming) precacheAll() {
	t := r.t
	r.precache(app+".1", r.classic)
	r.classic.service.Kill()
	r.precache(roamingPackage, r.own)
	must(t, r.classic.service.Revive(t.Context()))
	if now := r.asked(); now.located != 2 || now.tokens != 2*len(r.clouds()) {
		t.Errorf("the site was asked %d times where two contents are, and gave %d tokens", now.located, now.tokens)
	}
	r.site.ManagementPoint.Kill()
	r.sent()
	for n := range count(20, 2) {
		expectSmooth(t, "a client of "+app, r.newJob(r.classic, app+".1", n, nil).run(t))
		expectSmooth(t, "a client of "+roamingPackage, r.newJob(r.own, roamingPackage, n, nil).run(t))
	}
	for name, sent := range r.sent() {
		if sent > 0 {
			t.Errorf("all was there, and %s sent %d bytes", name, sent)
		}
	}
	auditCache(t, r.cacheDir(), r.files([]string{app + ".1", roamingPackage}))
}

// precache runs the verb, and fails the test unless it has brought every file, each byte once, from one place.
func (r *roaming) precache(segment string, from cloudDP) {
	t := r.t
	t.Helper()
	r.sent()
	out, err := exec.Command(binary, "precache", segment, "--from", "cmg", "--json", "--config", r.config("branchpoint.yaml")).Output()
	var job struct {
		State  string `json:"state"`
		Counts struct {
			Fetched int `json:"fetched"`
		} `json:"counts"`
	}
	if badJSON := json.Unmarshal(out, &job); err != nil || badJSON != nil || job.State != "done" || job.Counts.Fetched != 4 {
		t.Fatalf("%s: %v, %v\n%s", segment, err, badJSON, out)
	}
	var size int64
	for _, f := range r.files([]string{segment}) {
		size += f.Size
	}
	if sent := r.sent(); sent[from.name] != size {
		t.Errorf("%s, of %d bytes, came from %v; want it from %s", segment, size, sent, from.name)
	}
}
