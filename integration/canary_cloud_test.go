package integration

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestCloudCanary: signed URLs of blobs and manifests go into the program by every way, and through success, refusal, the end of
// a signature, and trouble. Then everything that the program lets out is searched for the signatures, and for the key of its
// certificate authority.
func TestCloudCanary(t *testing.T) {
	t.Parallel()
	r := newCloudRig(t, 3<<20+3, sim.CloudPlace{}, nil, "upstream: {ca_files: ['$DIR/ca.pem'], connect_timeout: 1s, "+
		"response_timeout: 1s, stall_timeout: 1s, give_up_after: 2s, cool_down: 50ms}\n")
	var birds flock
	birds.hatch("nothing") // what the search of the admin API sends itself
	statuses := r.singSigned(t, &birds)
	t.Log("answers by status, 0 for those cut off:", statuses)
	if statuses[200] == 0 || statuses[403] == 0 || statuses[502]+statuses[504] == 0 {
		t.Errorf("answers by status: %v: success, refusal and trouble should all be among them", statuses)
	}
	birds.key(t, filepath.Join(r.dir, "ca", "ca.key"))
	birds.searchAll(t, r.box, "media/Install.wim", "getcontentxmlsecure")
}

// signed adds the signature of a URL to the flock, as it is and as it is written.
func (f *flock) signed(t *testing.T, name, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	must(t, err)
	sig := u.Query().Get("sig")
	_, written, _ := strings.Cut(u.RawQuery, "sig=")
	if len(sig) < 20 || len(written) < 20 {
		t.Fatalf("%s: there is no signature", name)
	}
	*f = append(*f, canary{name, sim.NewSecret(sig)}, canary{name + ", as written", sim.NewSecret(written)})
	return target
}

// singSigned sends requests with signatures, and returns how they were answered.
func (r *cloudRig) singSigned(t *testing.T, birds *flock) map[int]int {
	statuses := map[int]int{}
	note := func(got answer, err error) {
		if err != nil {
			got.status = 0 // cut off, or the client lost patience
		}
		statuses[got.status]++
		birds.expectClean(t, "an answer to a client", fmt.Sprint(got.header)+string(got.body))
	}
	sing := func(target, headers string) {
		t.Helper()
		note(r.dialRaw().ask(http.MethodGet, rawGet(target, headers))) // in the clear
		client := r.through("origin")
		client.Timeout = 5 * time.Second
		defer client.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		must(t, err)
		resp, err := client.Do(req)
		if err != nil {
			note(answer{}, err)
			return
		}
		resp.Body.Close()
		note(answer{status: resp.StatusCode, header: resp.Header}, nil)
	}
	blob := func(name string, life time.Duration) string { return birds.signed(t, name, r.sign(name, life)) }
	good := blob("good", time.Hour)
	sing(good, "Range: bytes=0-99\r\n")
	sing(good, "")
	sing(blob("another good one", time.Hour), "Range: bytes=100-\r\n")
	sing(blob("ended", -time.Second), "")
	sing(blob("a query that is not understood", time.Hour)+"&comp=metadata", "")
	sing(strings.Replace(blob("a query that was escaped", time.Hour), "?", "%3F", 1), "")
	sing(strings.Replace(blob("in the path of another", time.Hour), "/media/Install.wim?", "/setup.exe?", 1), "")
	sing(strings.Replace(blob("of a dead host", time.Hour), ":"+portOf(t, r.site.Storage.URL("https"))+"/", ":1/", 1), "")
	manifest := birds.signed(t, "manifest", r.site.Cloud.Locate(guid(1), app+".1").URL.Reveal())
	ask(t, r.through("machine"), http.MethodHead, manifest) // refused by the service, and passed on like the rest
	sing(strings.Replace(manifest, "downloadrestservice", "DOWNLOADRESTSERVICE", 1), "X: 1\r\n")
	r.singSignedInTrouble(t, blob, sing)
	return statuses
}

// singSignedInTrouble asks for what is not in the cache while the cloud misbehaves.
func (r *cloudRig) singSignedInTrouble(t *testing.T, blob func(string, time.Duration) string, sing func(target, headers string)) {
	for i, fault := range []sim.Fault{{Kind: sim.FaultSilence}, {Kind: sim.FaultStall, After: 1000}, {Kind: sim.FaultStatus, Status: 403},
		{Kind: sim.FaultStatus, Status: 500}, {Kind: sim.FaultReset, After: 10}} {
		v, err := r.site.Library.Publish(fmt.Sprintf("PS1000%02d", i), sim.FileSpec{Path: "a.cab", Size: 100_000})
		must(t, err)
		r.file, _ = v.File("a.cab")
		in, err := r.site.Storage.Faults.Inject(fault)
		must(t, err)
		sing(blob(fmt.Sprint("in trouble ", i), time.Hour), "")
		if in.Strikes() == 0 {
			t.Errorf("the fault %v did not strike", fault.Kind)
		}
		in.Lift()
	}
}
