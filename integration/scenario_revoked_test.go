package integration

import (
	"encoding/json"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestRevokedInFile: the distribution points stop taking the token in the middle of files that several clients are at. The box asks for
// another one once, in each form, and no client notices anything.
func TestRevokedInFile(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		kind  sim.MachineKind
		form  tokenForm
		asked officeAsked // from the first to the last byte
	}{
		{"location reply", sim.Workgroup, inReply(sim.PlaceRecord, true, sim.EncodeNot), officeAsked{located: 2, tokens: 2}},
		{"token manager", sim.ADJoined, byTokenManager(sim.EncodeHex), officeAsked{messages: 2, tokens: 2}},
		{"token services", sim.Hybrid, byTokenServices(sim.EncodeBase64), officeAsked{messages: 2, tokens: 2}},
		{"STS", sim.EntraJoined, bySTS(), officeAsked{exchanged: 2, entra: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			revokedInFile(t, row.kind, row.form, row.asked)
		})
	}
}

func revokedInFile(t *testing.T, kind sim.MachineKind, form tokenForm, want officeAsked) {
	size := int64(count(64<<20, 12<<20+5))
	segments := []string{roamingPackage, app + ".1", roamingUpdate}
	o := newOffice(t, roamingLibrary(t, size), officeConfig{kind: kind, form: form, link: farCloud(size), extra: func(*office) string {
		return "cache: {directory: '$CACHE', min_free_bytes: 0, parallel_windows: 2, window_bytes: 1MiB}\n" // so that a file takes many requests
	}})
	files := filesOf(t, o.site.Library, segments)
	var sent, good int64 // when it was revoked
	var got atomic.Int64
	clients := count(60, 9)
	revoke := sync.OnceFunc(func() {
		o.tokens.RevokeAll()
		sent, good = o.site.Counters.Bytes(), int64(o.tokens.Used())
	})
	var wg sync.WaitGroup
	for n := range clients {
		c, err := sim.NewCCM(sim.CCMConfig{ManifestDelay: time.Millisecond, ManifestRounds: 1, BITS: sim.BITSConfig{
			ClientConfig: o.client(), RetryDelay: 10 * time.Millisecond, MaxRetries: 3,
			Progress: func(n int) {
				if got.Add(int64(n)) > int64(clients)*size/3 {
					revoke()
				}
			},
		}})
		must(t, err)
		segment := segments[n%len(segments)]
		wg.Go(func() { expectSmooth(t, segment, c.Download(t.Context(), o.locations(segment)...)) })
	}
	wg.Wait()
	t.Logf("%d clients; revoked after %d bytes and %d requests; %d were refused; the site was asked %+v", clients, sent, good, o.tokens.Refused(), o.since())
	if all := int64(len(segments)) * size; sent < all/8 || sent > all*7/8 || o.tokens.Refused() == 0 || int64(o.tokens.Used()) == good {
		t.Errorf("it was revoked after %d of %d bytes, and %d requests with it were refused: that is not in the middle of files", sent, all, o.tokens.Refused())
	}
	if now := o.since(); now != want {
		t.Errorf("the site was asked %+v, want %+v", now, want)
	}
	o.expectOnce(segments)
	auditCache(t, o.cacheDir(), files)
}

// TestRevokedInCloudFile: the cloud distribution point of a job dies in the middle of a file, and the only other one has stopped taking
// the token that the box has for it. The box asks for another one once, for all clients of the file, and goes on at the exact byte.
func TestRevokedInCloudFile(t *testing.T) {
	t.Parallel()
	size := int64(count(64<<20, 24<<20+5))
	c := wrapping{sim.EncodeNot, "none"}.roaming(sim.EntraJoined)
	c.enrolled, c.link = true, farCloud(size)
	r := newRoaming(t, roamingLibrary(t, size), c)
	r.locateOnly(app + ".1")
	r.spare.service.Kill()
	file := r.files([]string{app + ".1"})[0]
	var got atomic.Int64
	strike := sync.OnceFunc(func() {
		r.own.tokens.RevokeAll()
		r.classic.service.Kill()
		r.classic.storage.Kill()
	})
	const clients = 4
	var wg sync.WaitGroup
	for n := range clients {
		job := r.newJob(r.classic, app+".1", n, func(c *sim.CloudConfig) {
			c.BITS.Progress = func(n int) {
				if got.Add(int64(n)) > clients*file.Size/4 {
					strike()
				}
			}
		})
		wg.Go(func() { expectSmooth(t, "a client", job.run(t)) })
	}
	wg.Wait()
	by, now := r.site.Counters.BytesBy(), r.asked()
	t.Logf("sent: %v, %d bytes of it twice; %d questions were refused; the site was asked %+v", by, r.site.Counters.Overlap(""), r.own.tokens.Refused(), now)
	if by[r.classic.name] >= file.Size || by[r.own.name] == 0 || len(by) != 2 {
		t.Errorf("one was to begin the file, and the other one to end it: %v", by)
	}
	if refused := r.own.tokens.Refused(); refused != 1 || now.located != 2 || now.tokens != 2*len(r.clouds()) {
		t.Errorf("%d questions were refused, and the site was asked %d times where the content is, and gave %d tokens; want one, and one more of each after that",
			refused, now.located, now.tokens)
	}
	if again := r.site.Counters.Overlap(""); again > 1<<20 {
		t.Errorf("%d bytes were sent twice", again)
	}
	auditCache(t, r.cacheDir(), r.files([]string{app + ".1"}))
}

// locateOnly has the box ask the site where a content is, and for the tokens that come with the answer.
func (r *roaming) locateOnly(segment string) {
	r.t.Helper()
	out, err := exec.Command(binary, "precache", segment, "--from", "cmg", "--dry-run", "--json", "--config", r.config("branchpoint.yaml")).Output()
	var job struct{ State string }
	if badJSON := json.Unmarshal(out, &job); err != nil || badJSON != nil || job.State != "done" || r.asked().located != 1 {
		r.t.Fatalf("locating %s: %v, %v\n%s", segment, err, badJSON, out)
	}
}
