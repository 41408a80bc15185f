package sim

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNewDPRefuses(t *testing.T) {
	l := NewLibrary()
	for name, c := range map[string]DPConfig{
		"no name":           {Library: l},
		"no library":        {Name: "x"},
		"https without CA":  {Name: "x", Library: l, HTTPSAddr: "127.0.0.1:0"},
		"not loopback":      {Name: "x", Library: l, HTTPAddr: "0.0.0.0:0"},
		"no port":           {Name: "x", Library: l, HTTPAddr: "127.0.0.1"},
		"ACL status":        {Name: "x", Library: l, ACLStatus: 404},
		"empty-range":       {Name: "x", Library: l, EmptyRangeStatus: 206},
		"demand":            {Name: "x", Library: l, Demand: 2},
		"tokens missing":    {Name: "x", Library: l, Access: map[Vdir]Access{VdirToken: AccessToken}},
		"accounts missing":  {Name: "x", Library: l, Access: map[Vdir]Access{VdirPlain: AccessWindows}},
		"needs https":       {Name: "x", Library: l, Access: map[Vdir]Access{VdirPlain: AccessCertificate}},
		"no such directory": {Name: "x", Library: l, Access: map[Vdir]Access{9: AccessAnonymous}},
		"no such access":    {Name: "x", Library: l, Access: map[Vdir]Access{VdirPlain: 9}},
	} {
		if _, err := NewDP(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, c := range map[string]TokensConfig{"format": {Format: "x"}, "status": {ExpiredStatus: 404}} {
		if _, err := NewTokens(c); err == nil {
			t.Errorf("tokens, %s: accepted", name)
		}
	}
}

func TestSetAccess(t *testing.T) {
	d := newTestDP(t, DPConfig{Accounts: []Account{testAccount()}})
	c := newHTTPClient(t, nil)
	for _, step := range []struct {
		access Access
		status int
	}{{AccessWindows, 401}, {AccessOff, 404}, {AccessAnonymous, 200}} {
		if err := d.SetAccess(VdirPlain, step.access); err != nil {
			t.Fatal(err)
		}
		if resp, _ := mustRequest(t, c, "HEAD", d.URL("http"), setupTarget); resp.StatusCode != step.status {
			t.Errorf("access %d: %d, want %d", step.access, resp.StatusCode, step.status)
		}
	}
	if err := d.SetAccess(VdirPlain, AccessToken); err == nil {
		t.Error("tokens without https are accepted")
	}
}

func TestTimesAndEmptyFiles(t *testing.T) {
	d := newTestDP(t, DPConfig{TimeShift: 90 * time.Second, EmptyRangeStatus: 416})
	lenient := newTestDP(t, DPConfig{Name: "DP2", Library: d.config.Library})
	c := newHTTPClient(t, nil)
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	resp, _ := mustRequest(t, c, "HEAD", d.URL("http"), setupTarget)
	if got, want := resp.Header.Get("Last-Modified"), f.ModTime.Add(90*time.Second).Format(http.TimeFormat); got != want {
		t.Errorf("Last-Modified %q, want %q", got, want)
	}
	empty := "/SMS_DP_SMSPKG$/PS100015/empty.dat"
	if resp, _ := mustRequest(t, c, "GET", d.URL("http"), empty, "Range", "bytes=0-"); resp.StatusCode != 416 {
		t.Errorf("range of an empty file: %d, want 416", resp.StatusCode)
	}
	if resp, _ := mustRequest(t, c, "GET", lenient.URL("http"), empty, "Range", "bytes=0-"); resp.StatusCode != 200 {
		t.Errorf("range of an empty file: %d, want 200", resp.StatusCode)
	}
}

func TestHostPort(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"http", "dp"}: "dp:80", {"https", "dp"}: "dp:443", {"http", "dp:8080"}: "dp:8080",
		{"https", "[::1]"}: "[::1]:443", {"http", "[::1]:5"}: "[::1]:5",
	} {
		if got := hostPort(in[0], in[1]); got != want {
			t.Errorf("hostPort(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"http://dp/a?b":   "http://Dp:80/a?b",
		"https://DP:8/a":  "https://DP:8/a",
		"https://dp":      "https://Dp:443/",
		"ftp://nothing/a": "ftp://nothing/a",
	} {
		if got := transportURL(in); got != want {
			t.Errorf("transportURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestExport(t *testing.T) {
	l := newSmallLibrary(t)
	dir := t.TempDir()
	v := l.Versions(testPackage)[0]
	if err := v.Export(dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Files() {
		path := filepath.Join(dir, v.Segment(), filepath.FromSlash(f.Path))
		data, err := os.ReadFile(path)
		if err != nil || int64(len(data)) != f.Size || f.Mismatch(data, 0) >= 0 {
			t.Errorf("%s: %d bytes, %v", f.Path, len(data), err)
		}
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(f.ModTime) {
			t.Errorf("%s: %v, %v", f.Path, info, err)
		}
	}
}

// brokenWriter fails from the second write on.
type brokenWriter struct{ writes int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes > 1 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

var _ io.Writer = (*brokenWriter)(nil)

func TestLogSurvivesItsWriter(t *testing.T) {
	w := &brokenWriter{}
	l := NewLog(w)
	for range 4 {
		l.add(Entry{Method: "GET"})
	}
	if len(l.Entries()) != 4 || l.Err() == nil || w.writes != 2 {
		t.Errorf("%d entries, %v, %d writes", len(l.Entries()), l.Err(), w.writes)
	}
}
