package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func inject(t testing.TB, d *DP, f Fault) *Injected {
	t.Helper()
	in, err := d.Faults.Inject(f)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestFaults(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	tests := []struct {
		name   string
		fault  Fault
		rng    string
		status int
		cr     string // Content-Range; "*" is any
		length int64  // stated
		got    int64  // bytes that arrive; -1 is any number below length
		broken bool   // reading the body fails
	}{
		{"status", Fault{Kind: FaultStatus}, "bytes=0-9", 503, "", -1, 0, false},
		{"missing", Fault{Kind: FaultStatus, Status: 404}, "", 404, "", -1, 0, false},
		{"range ignored", Fault{Kind: FaultRangeIgnored}, "bytes=10-19", 200, "", f.Size, f.Size, false},
		{"no content range", Fault{Kind: FaultNoContentRange}, "bytes=10-19", 206, "", 10, 10, false},
		{"wrong start", Fault{Kind: FaultWrongStart, Delta: 5}, "bytes=10-19", 206, fmt.Sprintf("bytes 15-24/%d", f.Size), 10, 10, false},
		{"wrong total", Fault{Kind: FaultWrongTotal, Delta: -7}, "bytes=10-19", 206, fmt.Sprintf("bytes 10-19/%d", f.Size-7), 10, 10, false},
		{"longer", Fault{Kind: FaultWrongSize, Delta: 9}, "", 200, "", f.Size + 9, f.Size + 9, false},
		{"shorter", Fault{Kind: FaultWrongSize, Delta: -9}, "bytes=-5", 206, fmt.Sprintf("bytes %d-%d/%d", f.Size-14, f.Size-10, f.Size-9), 5, 5, false},
		{"short body", Fault{Kind: FaultShortBody, After: 1000}, "", 200, "", f.Size, 1000, true},
		{"short body at an offset", Fault{Kind: FaultShortBody, Offset: 1 << 20}, "bytes=1048000-2000000", 206, "*", 952001, 576, true},
		{"reset", Fault{Kind: FaultReset, After: 1 << 20}, "", 200, "", f.Size, -1, true},
		{"spared: too short", Fault{Kind: FaultReset, After: 10}, "bytes=0-9", 206, "*", 10, 10, false},
		{"spared: other name", Fault{Kind: FaultReset, Match: "other.exe"}, "bytes=0-9", 206, "*", 10, 10, false},
		{"spared: no range", Fault{Kind: FaultNoContentRange}, "", 200, "", f.Size, f.Size, false},
		{"drip", Fault{Kind: FaultDrip, After: 90, Rate: 200}, "bytes=0-99", 206, "*", 100, 100, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.Faults.Clear()
			tt.fault.Count = 1
			in := inject(t, d, tt.fault)
			resp, body, err := requestRange(t, d, tt.rng)
			if resp == nil {
				if tt.got == -1 {
					return // the reset overtook the header
				}
				t.Fatal(err)
			}
			cr := resp.Header.Get("Content-Range")
			if resp.StatusCode != tt.status || cr != tt.cr && tt.cr != "*" {
				t.Errorf("got %d, %q, want %d, %q", resp.StatusCode, cr, tt.status, tt.cr)
			}
			if tt.length >= 0 && resp.ContentLength != tt.length {
				t.Errorf("stated length %d, want %d", resp.ContentLength, tt.length)
			}
			if got := int64(len(body)); tt.length >= 0 && (got != tt.got && tt.got != -1 || tt.got == -1 && got >= tt.length) {
				t.Errorf("got %d bytes, want %d", got, tt.got)
			}
			if (err != nil) != tt.broken {
				t.Errorf("reading the body: %v", err)
			}
			checkStrikes(t, d, in, strings.HasPrefix(tt.name, "spared"))
		})
	}
}

// requestRange asks for a range of setup.exe, or for all of it, over a connection of its own.
func requestRange(t *testing.T, d *DP, rng string) (*http.Response, []byte, error) {
	t.Helper()
	var header []string
	if rng != "" {
		header = []string{"Range", rng}
	}
	return request(t, newHTTPClient(t, nil), "GET", d.URL("http"), setupTarget, header...)
}

// checkStrikes looks whether a fault with a count of one struck, and no more than that.
func checkStrikes(t *testing.T, d *DP, in *Injected, spared bool) {
	t.Helper()
	if spared {
		if in.Strikes() != 0 {
			t.Errorf("%d strikes at a request to be spared", in.Strikes())
		}
		return
	}
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	_, again, err := requestRange(t, d, "bytes=0-9")
	if err != nil || len(again) != 10 || f.Mismatch(again, 0) >= 0 || in.Strikes() != 1 {
		t.Errorf("after its count the fault goes on: %v, %d strikes", err, in.Strikes())
	}
}

func TestFaultCorruptFlipsOneByte(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	inject(t, d, Fault{Kind: FaultCorrupt, Offset: 300_000})
	_, body := mustRequest(t, newHTTPClient(t, nil), "GET", d.URL("http"), setupTarget)
	if at := f.Mismatch(body, 0); at != 300_000 || f.Mismatch(body[at+1:], int64(at)+1) != -1 {
		t.Errorf("first wrong byte at %d", at)
	}
}

func TestFaultStallAndSilenceEndWhenLifted(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	stall := inject(t, d, Fault{Kind: FaultStall, After: 5000})
	silence := inject(t, d, Fault{Kind: FaultSilence})
	c := newHTTPClient(t, nil)
	answered := make(chan error, 1)
	go func() {
		resp, err := c.Get(d.URL("http") + "/SMS_DP_SMSPKG$/PS100015/setup.exe")
		if err != nil {
			answered <- err
			return
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end
		head := make([]byte, 5000)
		if _, err := io.ReadFull(resp.Body, head); err != nil {
			answered <- err
			return
		}
		stall.Lift()
		rest, err := io.ReadAll(resp.Body)
		if err == nil && (f.Mismatch(head, 0) >= 0 || f.Mismatch(rest, 5000) >= 0 || int64(len(rest)) != f.Size-5000) {
			err = fmt.Errorf("wrong bytes, %d after the stall", len(rest))
		}
		answered <- err
	}()
	select {
	case <-silence.Struck():
	case err := <-answered:
		t.Fatalf("answered while silent: %v", err)
	}
	silence.Lift()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestFaultClose(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	c := newHTTPClient(t, nil)
	mustRequest(t, c, "HEAD", d.URL("http"), setupTarget)
	mustRequest(t, c, "HEAD", d.URL("http"), setupTarget)
	if n := len(d.Connections()); n != 1 {
		t.Errorf("%d connections for two requests", n)
	}
	inject(t, d, Fault{Kind: FaultClose})
	for range 3 {
		if resp, _ := mustRequest(t, c, "HEAD", d.URL("http"), setupTarget); !resp.Close {
			t.Error("the answer does not say that it closes")
		}
	}
	if n := len(d.Connections()); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestFaultEncodingLies(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	inject(t, d, Fault{Kind: FaultEncoding})
	resp, _ := mustRequest(t, newHTTPClient(t, nil), "GET", d.URL("http"), setupTarget, "Range", "bytes=0-9")
	if got := resp.Header.Get("Content-Encoding"); got != "peerdist" {
		t.Errorf("Content-Encoding %q", got)
	}
}

func TestKillAndRevive(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	d := newTestDP(t, DPConfig{HTTPAddr: "127.0.0.1:0", HTTPSAddr: "127.0.0.1:0", CA: ca})
	c := newHTTPClient(t, ca)
	for _, scheme := range []string{"http", "https"} {
		url := d.URL(scheme)
		in := inject(t, d, Fault{Kind: FaultKill, Match: "setup.exe", Methods: []string{http.MethodGet}, After: 1 << 20, Count: 1})
		if _, body, err := request(t, c, "GET", url, setupTarget); err == nil || int64(len(body)) > 1<<20 {
			t.Errorf("%s: killed in the middle, but %d bytes, %v", scheme, len(body), err)
		}
		if in.Strikes() != 1 {
			t.Errorf("%s: %d strikes", scheme, in.Strikes())
		}
		if _, _, err := request(t, c, "HEAD", url, setupTarget); err == nil {
			t.Errorf("%s: a dead DP answers", scheme)
		}
		d.Kill() // twice is fine
		if err := d.Revive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d.URL(scheme) != url {
			t.Errorf("revived at %s, was at %s", d.URL(scheme), url)
		}
		if resp, _ := mustRequest(t, c, "HEAD", url, setupTarget); resp.StatusCode != 200 {
			t.Errorf("%s: revived, but %d", scheme, resp.StatusCode)
		}
	}
	if err := d.Start(); err == nil {
		t.Error("started twice")
	}
}

func TestInjectRefuses(t *testing.T) {
	for name, f := range map[string]Fault{
		"no kind":        {},
		"unknown kind":   {Kind: FaultClock + 1},
		"two places":     {Kind: FaultReset, After: 1, Offset: 1},
		"negative count": {Kind: FaultReset, Count: -1},
		"status 200":     {Kind: FaultStatus, Status: 200},
	} {
		if _, err := new(Faults).Inject(f); err == nil {
			t.Errorf("%s: injected", name)
		}
	}
}
