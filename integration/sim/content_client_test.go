package sim

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// newSmallLibrary is newTestLibrary without the file that takes long.
func newSmallLibrary(t testing.TB) *Library {
	t.Helper()
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "setup.exe", Size: 1<<20 + 5}, FileSpec{Path: "sub/Größe 100%;a+b#c.cab", Size: 70_000},
		FileSpec{Path: "sub/empty"}, FileSpec{Path: "sub/deep/[x] 'y' & z.txt", Data: []byte("hi")})
	publish(t, l, testApp, FileSpec{Path: "app.msi", Size: 300_000})
	return l
}

func newCCM(t testing.TB, c BITSConfig) *CCM {
	t.Helper()
	c.RetryDelay, c.MaxRetries = time.Millisecond, 2
	client, err := NewCCM(CCMConfig{BITS: c, ManifestDelay: time.Millisecond, ManifestRounds: 2})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newTS(t testing.TB, c ClientConfig) *TaskSequence {
	t.Helper()
	client, err := NewTaskSequence(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestContentClientsOnEveryDirectory downloads a whole content over each way of authenticating, directly and by a proxy.
func TestContentClientsOnEveryDirectory(t *testing.T) {
	d, ca, tokens := newSecureDP(t, TokensConfig{Header: "X-Dp-Token", Format: "CCM {token}"})
	d.config.Library = newSmallLibrary(t)
	account := testAccount()
	base := ClientConfig{Library: d.config.Library, RootCAs: ca.Pool()}
	withToken, withAccount := base, base
	withToken.Token, withToken.TokenHeader, withToken.TokenFormat = tokens.Issue(time.Hour), "X-Dp-Token", "CCM {token}"
	withAccount.Account = &account
	proxy, requests := newProxy(t)
	tests := []struct {
		name     string
		config   ClientConfig
		location string
		proxied  bool
	}{
		{"Windows, http", withAccount, d.Location(VdirPlain, testPackage), false},
		{"Windows, https", withAccount, d.URL("https") + "/SMS_DP_SMSPKG$/ps100015.1", false},
		{"token", withToken, d.Location(VdirToken, testApp+".1"), false},
		{"token by a proxy", withToken, d.Location(VdirToken, testPackage), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.proxied {
				tt.config.Proxy = proxy
			}
			v, ok := d.config.Library.resolve(tt.location[strings.LastIndex(tt.location, "/")+1:], nil)
			if !ok {
				t.Fatal("no such content")
			}
			ccm := newCCM(t, BITSConfig{ClientConfig: tt.config}).Download(t.Context(), tt.location)
			if ccm.Err != nil || ccm.Bytes() != v.Size() || len(ccm.Files) != len(v.files) {
				t.Errorf("CCM: %v, %d bytes of %d", ccm.Err, ccm.Bytes(), v.Size())
			}
			ts := newTS(t, tt.config).Download(t.Context(), tt.location)
			if ts.Err != nil || ts.Bytes() != v.Size() || ts.ManifestTries != 1 {
				t.Errorf("task sequence: %v, %d bytes of %d", ts.Err, ts.Bytes(), v.Size())
			}
			if got := requests(); tt.proxied && (len(got) == 0 || !strings.HasPrefix(got[0], "CONNECT 127.0.0.1:")) {
				t.Errorf("the proxy saw %q", got)
			}
		})
	}
	for _, c := range d.Connections() {
		if len(c.Users) > 1 {
			t.Errorf("connection %d served %v", c.ID, c.Users)
		}
	}
}

func TestContentClientsByAnHTTPProxy(t *testing.T) {
	l := newSmallLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	proxy, requests := newProxy(t)
	r := newCCM(t, BITSConfig{ClientConfig: ClientConfig{Library: l, Proxy: proxy}}).Download(t.Context(), d.Location(VdirPlain, testPackage))
	if r.Err != nil || r.Bytes() != l.Versions(testPackage)[0].Size() {
		t.Fatal(r.Err)
	}
	for i, got := range requests() {
		want := "http://127.0.0.1:"
		if _, target, _ := strings.Cut(got, " "); !strings.HasPrefix(target, want) || i > 0 && !strings.Contains(target, "/sccm?/") {
			t.Errorf("the proxy saw %q", got)
		}
	}
}

func TestFallThrough(t *testing.T) {
	l := newSmallLibrary(t)
	first, second := newTestDP(t, DPConfig{Name: "1", Library: l}), newTestDP(t, DPConfig{Name: "2", Library: l})
	locations := []string{first.Location(VdirPlain, testPackage), second.Location(VdirPlain, testPackage)}
	ts, ccm := newTS(t, ClientConfig{Library: l}), newCCM(t, BITSConfig{ClientConfig: ClientConfig{Library: l}})
	tests := map[string]Fault{
		"manifest refused": {Kind: FaultStatus, Methods: []string{"PROPFIND"}},
		"file refused":     {Kind: FaultStatus, Status: 404, Methods: []string{"GET", "HEAD"}, Match: "empty"},
		"dies in a file":   {Kind: FaultKill, Match: "setup.exe", After: 70_000},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			for client, download := range map[string]func() ContentResult{
				"task sequence": func() ContentResult { return ts.Download(t.Context(), locations...) },
				"CCM":           func() ContentResult { return ccm.Download(t.Context(), locations...) },
			} {
				in := inject(t, first, fault)
				if r := download(); r.Err != nil || in.Strikes() == 0 {
					t.Errorf("%s: %v, %d strikes", client, r.Err, in.Strikes())
				}
				first.Faults.Clear()
				first.Kill()
				if err := first.Revive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	first.Kill()
	second.Kill()
	if r := ts.Download(t.Context(), locations...); r.Err == nil || r.ManifestTries != 2 {
		t.Errorf("task sequence without a DP: %v after %d tries", r.Err, r.ManifestTries)
	}
	if r := ccm.Download(t.Context(), locations...); r.Err == nil || r.ManifestTries != 4 {
		t.Errorf("CCM without a DP: %v after %d tries", r.Err, r.ManifestTries)
	}
}

func TestPropfind(t *testing.T) {
	d := newTestDP(t, DPConfig{Library: newSmallLibrary(t)})
	c := newHTTPClient(t, nil)
	for _, tt := range []struct {
		depth, target string
		status, hrefs int
	}{
		{"0", "/SMS_DP_SMSPKG$/PS100015", 207, 1},
		{"1", "/SMS_DP_SMSPKG$/PS100015", 207, 3},
		{"infinity", "/SMS_DP_SMSPKG$/PS100015", 207, 7},
		{"", "/SMS_DP_SMSPKG$/PS100015/", 207, 7},
		{"1", "/SMS_DP_SMSPKG$/PS100015/sub", 207, 4},
		{"1", "/SMS_DP_SMSPKG$/PS100015/setup.exe", 207, 1},
		{"1", "/SMS_DP_SMSPKG$/PS100015/none", 404, 0},
		{"1", "/SMS_DP_SMSPKG$/PS100016", 404, 0},
	} {
		resp, body := mustRequest(t, c, "PROPFIND", d.URL("http"), tt.target, "Depth", tt.depth)
		if got := strings.Count(string(body), "<D:href>"); resp.StatusCode != tt.status || got != tt.hrefs {
			t.Errorf("depth %q of %s: %d with %d hrefs, want %d with %d", tt.depth, tt.target, resp.StatusCode, got, tt.status, tt.hrefs)
		}
	}
	d.SetDAVRole(true)
	if resp, _ := mustRequest(t, c, "PROPFIND", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015"); resp.StatusCode != 405 {
		t.Errorf("with the WebDAV role: %d", resp.StatusCode)
	}
	d.SetDAVRole(false)
	d.SetPropWriter(func(w io.Writer, _ []Prop) error { _, err := io.WriteString(w, "other"); return err })
	if _, body := mustRequest(t, c, "PROPFIND", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015"); string(body) != "other" {
		t.Errorf("own writer: %q", body)
	}
}

func FuzzParseManifest(f *testing.F) {
	var b strings.Builder
	if err := WriteMultistatus(&b, []Prop{{Href: "http://h/SMS_DP_SMSPKG$/P/", Folder: true}, {Href: "http://h/sms_dp_smspkg$/p/a%20b", Size: 5}}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b.String()), "http://h/SMS_DP_SMSPKG$/P")
	f.Add([]byte("<a"), "http://h/x")
	f.Fuzz(func(t *testing.T, text []byte, location string) {
		files, err := parseManifest(text, location)
		for _, file := range files {
			if err != nil || file.rel == "" || file.size < 0 {
				t.Errorf("%+v, %v", file, err)
			}
		}
	})
	if files, err := parseManifest([]byte(b.String()), "https://other/SMS_DP_SMSPKG$/P"); err != nil || len(files) != 1 ||
		files[0] != (manifestFile{"a b", 5}) {
		f.Errorf("%+v, %v", files, err)
	}
}

func TestPlainClient(t *testing.T) {
	l := newSmallLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	p, err := NewPlain(ClientConfig{Library: l})
	if err != nil {
		t.Fatal(err)
	}
	url := d.Location(VdirPlain, testPackage) + "/setup.exe"
	for name, ranges := range map[string][]Range{"whole": nil, "ranges": {{0, 1}, {1 << 20, -1}, {70_000, 70_000}, {1 << 20, 100}}} {
		if r := p.Get(t.Context(), url, ranges...); r.Err != nil || r.File == nil || r.Connections != 1 {
			t.Errorf("%s: %v, %d connections", name, r.Err, r.Connections)
		}
	}
	for name, fault := range map[string]Fault{
		"short": {Kind: FaultShortBody, After: 5}, "corrupt": {Kind: FaultCorrupt, After: 5}, "ignored": {Kind: FaultRangeIgnored},
		"wrong total": {Kind: FaultWrongTotal}, "wrong start": {Kind: FaultWrongStart}, "503": {Kind: FaultStatus},
	} {
		inject(t, d, fault)
		r := p.Get(t.Context(), url, Range{100, 1000})
		if r.Err == nil || r.File != nil || name == "corrupt" && !errors.Is(r.Err, errWrongBytes) {
			t.Errorf("%s: %v", name, r.Err)
		}
		d.Faults.Clear()
	}
	if r := p.Get(t.Context(), d.URL("http")+"/SMS_DP_SMSPKG$/PS100015"); r.Err == nil {
		t.Error("a folder passes for a file")
	}
}

func TestNewClientRefuses(t *testing.T) {
	l := NewLibrary()
	for name, c := range map[string]BITSConfig{
		"no library":   {},
		"block size":   {ClientConfig: ClientConfig{Library: l}, BlockSize: -3},
		"suspension":   {ClientConfig: ClientConfig{Library: l}, BlockSize: NoRange, SuspendEvery: 1},
		"retry delay":  {ClientConfig: ClientConfig{Library: l}, RetryDelay: -1},
		"token format": {ClientConfig: ClientConfig{Library: l, TokenFormat: "x"}},
		"idle timeout": {ClientConfig: ClientConfig{Library: l, IdleTimeout: -1}},
	} {
		if _, err := NewBITS(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestContentRange(t *testing.T) {
	good, total, err := parseContentRange("bytes 5-9/10")
	if err != nil || good != (span{5, 5}) || total != 10 {
		t.Errorf("%v, %d, %v", good, total, err)
	}
	for _, bad := range []string{"", "bytes", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "items 5-9/10",
		"bytes 5-9", "bytes -5/10", "bytes 5-9/10/11", "bytes 5 - 9/10"} {
		if got, _, err := parseContentRange(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

func TestBITSFatal(t *testing.T) {
	for status, want := range map[int]bool{301: true, 307: true, 306: false, 308: false, 400: true, 404: true, 408: false, 409: false,
		412: true, 500: false, 501: true, 502: false, 503: false, 505: true, http.StatusTooManyRequests: true} {
		if got := BITSFatal(status); got != want {
			t.Errorf("BITSFatal(%d) = %v", status, got)
		}
	}
}
