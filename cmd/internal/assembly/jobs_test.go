package assembly

import (
	"os"
	"testing"
)

// TestStorage: signed URLs are of use at storage whose blobs clients are served from the cache.
func TestStorage(t *testing.T) {
	j := &jobs{}
	j.heed(parse(t, "cloud: {blob_hosts: [site1.blob.core.windows.net, '*.blob.example.com']}\ndistribution_points: [{url: 'http://dp1'}]"))
	for host, want := range map[string]bool{
		"site1.blob.core.windows.net": true, "site2.blob.core.windows.net": false, "a.blob.example.com": true, "blob.example.com": false,
		"evilblob.example.com": false, "": false,
	} {
		if got := j.isStorage(host); got != want {
			t.Errorf("%s is storage: %v, want %v", host, got, want)
		}
	}
	if got := j.places.Load().points; len(got) != 1 || got[0] != "http://dp1" {
		t.Errorf("the points are %q", got)
	}
}

// TestJobsWithoutADirectory: that nothing can be fetched beforehand is no reason to serve nobody.
func TestJobsWithoutADirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(jobDirectory(dir+"/cache"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRigIn(t, dir, "")
	if r.jobs.all != nil {
		t.Error("there are jobs, in a file")
	}
	r.reloads()
}
