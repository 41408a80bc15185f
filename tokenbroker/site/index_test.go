package site

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

func TestHostOf(t *testing.T) {
	for url, want := range map[string]string{
		"https://Cloud.example.org/x": "cloud.example.org", "https://cloud:443/x": "cloud", "https://cloud:8443": "cloud:8443", "HTTPS://c:443": "c",
		"http://dp:80/x": "dp", "http://dp:443/x": "dp:443", "https://dp:80": "dp:80", "https://[2001:db8::1]:443/": "[2001:db8::1]", "%zz": "", "": "",
	} {
		if got := hostOf(url); got != want {
			t.Errorf("the host of %q is %q, want %q", url, got, want)
		}
	}
}

func TestBlobName(t *testing.T) {
	want := blobName("store.example.org", "/c/Lang/a b.exe")
	for _, same := range [][2]string{
		{"STORE.example.org:443", "/c/Lang/a%20b.exe"}, {"store.example.org", "c/Lang%2Fa b.exe"},
	} {
		if got := blobName(same[0], same[1]); got != want {
			t.Errorf("%q is %q, want %q", same, got, want)
		}
	}
	for _, other := range [][2]string{
		{"store.example.org", "/c/lang/a b.exe"}, {"store.example.org:8443", "/c/Lang/a b.exe"}, {"other", "/c/Lang/a b.exe"},
	} {
		if got := blobName(other[0], other[1]); got == want {
			t.Errorf("%q is the same blob", other)
		}
	}
	if got := blobName("s", "/c/100%"); got != "s/c/100%" {
		t.Errorf("a name that is no escape is %q", got)
	}
}

// TestTargets checks which URLs of a cloud location are the same.
func TestTargets(t *testing.T) {
	same := []string{"https://C.example.org/DownloadRestService.svc/x?a=1:2&b=3", "https://c.example.org:443/downloadrestservice.svc/x?b=3&a=1%3A2"}
	other := []string{"https://c.example.org/downloadrestservice.svc/x?a=1:2&b=4", "https://d.example.org/downloadrestservice.svc/x?a=1:2&b=3", "https://c.example.org/downloadrestservice.svc/x"}
	want, ok := targetDigest(same[0])
	for _, target := range same {
		if got, fine := targetDigest(target); !ok || !fine || got != want {
			t.Errorf("%s is another one", target)
		}
	}
	for _, target := range other {
		if got, fine := targetDigest(target); !fine || got == want {
			t.Errorf("%s is the same one", target)
		}
	}
	for _, target := range []string{"", "%zz", "/x?a=1"} {
		if _, fine := targetDigest(target); fine {
			t.Errorf("%q is one", target)
		}
	}
}

// TestCrowd checks that questions that wait for a silent site do not pile up without end.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mp := &fake{locate: func(ctx context.Context, _ ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, silent(ctx) }}
		w := newWorld(t, Config{}, mp)
		failed := make(chan error, maxFlights+1)
		for i := range maxFlights + 1 {
			go func() {
				_, err := w.Locate(t.Context(), pkg(fmt.Sprint("PS", i)), "")
				failed <- err
			}()
		}
		synctest.Wait()
		if n := len(failed); n != 1 || mp.mostAtOnce() != atOnce[locating] {
			t.Errorf("%d gave up at once, %d questions were asked at once", n, mp.mostAtOnce())
		}
		begun := time.Now()
		for range maxFlights + 1 {
			if err := <-failed; err == nil {
				t.Error("a silent site has answered")
			}
		}
		if took := time.Since(begun); took != 20*time.Second || mp.count("locate") != atOnce[locating] {
			t.Errorf("the others waited for %v, and %d questions were asked", took, mp.count("locate"))
		}
	})
}
