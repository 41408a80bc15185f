package integration

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestCloudContent: clients with signed URLs of their own share one download; their manifests stay their own.
func TestCloudContent(t *testing.T) {
	t.Parallel()
	r := newCloudRig(t, int64(count(64<<20, 5<<20)), sim.CloudPlace{}, nil, "")
	changes := map[string]func(*sim.CloudConfig){
		"blocks":       nil,
		"large blocks": func(c *sim.CloudConfig) { c.BITS.BlockSize = 3_000_000 },
		"suspended":    func(c *sim.CloudConfig) { c.BITS.BlockSize, c.BITS.SuspendEvery = 3_000_000, 2_000_000 },
		"whole ranges": func(c *sim.CloudConfig) { c.BITS.BlockSize = sim.WholeFile },
		"no ranges":    func(c *sim.CloudConfig) { c.BITS.BlockSize = sim.NoRange },
		"without HEAD": func(c *sim.CloudConfig) { c.NoHead = true },
		"protocol":     func(c *sim.CloudConfig) { c.BITS.Header = http.Header{"X-Ms-Version": {"2020-12-06"}} },
		"branch cache": func(c *sim.CloudConfig) { c.BITS.PeerDist = true },
	}
	whole := r.site.Library.Versions(app)[0].Size()
	n := 0
	for _, round := range []string{"cold", "warm"} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got, manifests int64
		for door := range r.doors {
			for name, change := range changes {
				n++
				client, location := r.cloudClient(door, change), r.site.Cloud.Locate(guid(n), app+".1")
				wg.Go(func() {
					result := client.Download(t.Context(), location)
					if result.Err != nil {
						t.Errorf("%s, %s, %s: %v; troubles: %v", round, door, name, result.Err, result.Troubles)
					}
					mu.Lock()
					defer mu.Unlock()
					got += result.Bytes()
					manifests += int64(result.ManifestTries)
				})
			}
		}
		wg.Wait()
		sent, made := r.fromCloud(), r.manifests()
		t.Logf("%s: %d clients got %d bytes, every byte right; the cloud sent %d, and %d manifests", round,
			len(changes)*len(r.doors), got, sent, made)
		if made != manifests {
			t.Errorf("%s: clients asked for %d manifests, and the cloud made %d", round, manifests, made)
		}
		if round == "cold" && sent > whole*102/100 || round == "warm" && sent > 0 {
			t.Errorf("%s: the cloud sent %d bytes of a content of %d", round, sent, whole)
		}
	}
	auditCache(t, r.cacheDir(), r.site.Library.Versions(app)[0].Files())
}

// TestCloudDecides: with the file on disk, a client gets what the storage says to its own URL, on listeners of every kind.
func TestCloudDecides(t *testing.T) {
	t.Parallel()
	r := newCloudRig(t, 3<<20+3, sim.CloudPlace{}, nil, "")
	good := r.sign("good", time.Hour)
	if _, err := download(t.Context(), r.through("machine"), good, r.file, 0, -1); err != nil {
		t.Fatal(err)
	}
	bare, query, _ := strings.Cut(good, "?")
	revoked, ended := r.sign("revoked", time.Hour), r.sign("ended", -time.Second)
	r.site.Storage.Revoke("revoked")
	for door := range r.doors {
		client, straight := r.through(door), r.straight()
		for name, target := range map[string]string{
			"no signature": bare, "ended": ended, "revoked": revoked, "forged": good[:len(good)-8] + "AAAA%3D",
			"of another file":  strings.Replace(good, "media/Install.wim", "setup.exe", 1),
			"of another case":  strings.Replace(good, "Install", "install", 1),
			"made longer":      bare + "?" + strings.Replace(query, "&se=20", "&se=29", 1),
			"a header changed": good + "&rsct=text/html",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				want, got := ask(t, straight, method, target), ask(t, client, method, target)
				if got.status != want.status || got.status/100 != 4 || got.header.Get("X-Ms-Error-Code") != want.header.Get("X-Ms-Error-Code") {
					t.Errorf("%s, %s, %s: status %d, the cloud itself says %d", door, method, name, got.status, want.status)
				}
				if holdsPart(r.file, got.body) {
					t.Errorf("%s, %s, %s: a body with bytes of the file", door, method, name)
				}
			}
		}
		r.fromCloud()
		if _, err := download(t.Context(), client, r.sign("friend", time.Hour), r.file, 0, -1); err != nil {
			t.Errorf("%s: a good URL: %v", door, err)
		}
		if sent := r.fromCloud(); sent > 0 {
			t.Errorf("%s: the cloud sent %d bytes of a file that was on disk", door, sent)
		}
	}
}

// slowCloud is a link over which the large file takes a few seconds.
func slowCloud(size int64) *sim.LinkConfig { return &sim.LinkConfig{Rate: size / 6} }

// TestCloudURLEndsInTheMiddle: the URL of the client that began ends while its download runs. Another client's carries it on.
func TestCloudURLEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	const size = 24<<20 + 5
	r := newCloudRig(t, size, sim.CloudPlace{}, slowCloud(size), "")
	first, second := r.sign("first", 3*time.Second), r.sign("second", time.Hour)
	r.fromCloud()
	_, err := downloadAfter(t.Context(), r.through("machine"), first, r.file, 0, -1, func() {
		if _, err := download(t.Context(), r.through("origin"), second, r.file, 0, 10); err != nil {
			t.Errorf("the second client: %v", err)
		}
	})
	if err != nil {
		t.Errorf("the first client, whose URL has ended: %v", err)
	}
	by := r.site.Counters.BytesFor()
	t.Logf("the cloud sent %d bytes to the first client's URL and %d to the second's", by["first"], by["second"])
	if by["first"] == 0 || by["second"] == 0 || by["first"]+by["second"] > size*102/100 {
		t.Errorf("the cloud sent %v of %d bytes: each URL should have brought a share, and none twice", by, size)
	}
	if got := ask(t, r.through("machine"), http.MethodGet, first); got.status != http.StatusForbidden || holdsPart(r.file, got.body) {
		t.Errorf("the first client again, with its old URL: status %d, %d bytes", got.status, len(got.body))
	}
}

// TestCloudURLsEnd: every URL ends before the file is there, and there is nobody else. The client is cut off, is told by the
// cloud itself that its URL has ended, gets a new one and goes on; nothing is fetched twice but what was half there.
func TestCloudURLsEnd(t *testing.T) {
	t.Parallel()
	const size = 24<<20 + 5
	r := newCloudRig(t, size, sim.CloudPlace{BlobLife: 2 * time.Second}, slowCloud(size), "")
	r.fromCloud()
	client := r.cloudClient("machine", func(c *sim.CloudConfig) { c.BITS.BlockSize = sim.WholeFile })
	result := client.Download(t.Context(), r.site.Cloud.Locate(guid(1), app+".1"))
	if result.Err != nil {
		t.Fatalf("%v; troubles: %v", result.Err, result.Troubles)
	}
	whole, sent := r.site.Library.Versions(app)[0].Size(), r.fromCloud()
	renewals := 0
	for _, f := range result.Files {
		renewals += f.Renewals
		if f.Restarts > 0 {
			t.Errorf("%s began anew %d times", f.URL, f.Restarts)
		}
	}
	t.Logf("%d bytes with %d renewed URLs; the cloud sent %d", whole, renewals, sent)
	if renewals == 0 {
		t.Error("no URL ended: this proves nothing")
	}
	if sent > whole*125/100 { // 4 slices of a MiB each time
		t.Errorf("the cloud sent %d bytes of %d", sent, whole)
	}
}

// TestCloudURLIsForGetOnly: a store that signs for GET alone is asked for one byte where another is asked by HEAD.
func TestCloudURLIsForGetOnly(t *testing.T) {
	t.Parallel()
	r := newCloudRig(t, 3<<20+3, sim.CloudPlace{}, nil, "")
	r.site.Storage.SetHead(false)
	for i := range 2 {
		client := r.cloudClient("machine", func(c *sim.CloudConfig) { c.NoHead = true })
		result := client.Download(t.Context(), r.site.Cloud.Locate(guid(i), app+".1"))
		if result.Err != nil {
			t.Errorf("client %d: %v; troubles: %v", i, result.Err, result.Troubles)
		}
	}
	whole, sent := r.site.Library.Versions(app)[0].Size(), r.fromCloud()
	if sent > whole*102/100 {
		t.Errorf("the cloud sent %d bytes of %d", sent, whole)
	}
	got := ask(t, r.through("machine"), http.MethodGet, r.sign("x", -time.Second))
	if got.status != http.StatusForbidden || holdsPart(r.file, got.body) {
		t.Errorf("an URL that has ended: status %d, %d bytes", got.status, len(got.body))
	}
}

// TestCloudChanges: a blob that is overwritten under the same URL is the new one from the next check on, and never a mixture.
func TestCloudChanges(t *testing.T) {
	t.Parallel()
	r := newCloudRig(t, 3<<20+3, sim.CloudPlace{}, nil, "cache: {directory: '$CACHE', min_free_bytes: 0, check_after: 0s}\n")
	url, client := r.sign("a", time.Hour), r.through("machine")
	_, err := download(t.Context(), client, url, r.file, 0, -1)
	must(t, err)
	for _, size := range []int64{3<<20 + 3, 4<<20 + 4, 2 << 20} {
		v, err := r.site.Library.Publish(app, sim.FileSpec{Path: r.file.Path, Size: size})
		must(t, err)
		now, ok := v.File(r.file.Path)
		if !ok {
			t.Fatal("the file is not there")
		}
		must(t, r.site.Storage.Replace(r.file, now))
		for range 2 {
			if _, err := download(t.Context(), client, url, now, 0, -1); err != nil {
				t.Errorf("version %d: %v", now.Version, err)
			}
		}
	}
}
