package sim

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// newTestDP starts a DP that is closed when the test ends.
func newTestDP(t testing.TB, c DPConfig) *DP {
	t.Helper()
	if c.Name == "" {
		c.Name = "DP1"
	}
	if c.Library == nil {
		c.Library = newTestLibrary(t)
	}
	d, err := NewDP(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// newHTTPClient is a net/http client: independent of the clients of this package.
func newHTTPClient(t testing.TB, ca *CA, certs ...tls.Certificate) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	if ca != nil {
		tr.TLSClientConfig = &tls.Config{RootCAs: ca.Pool(), Certificates: certs}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// request sends a request with a raw target, and returns the answer with its body read.
func request(t testing.TB, c *http.Client, method, base, target string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Opaque = "//" + u.Host + target
	req, err := http.NewRequestWithContext(t.Context(), method, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL = u
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func mustRequest(t testing.TB, c *http.Client, method, base, target string, header ...string) (*http.Response, []byte) {
	t.Helper()
	resp, body, err := request(t, c, method, base, target, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return resp, body
}

const setupTarget = "/SMS_DP_SMSPKG$/PS100015/sccm?/setup.exe"

func TestEverySpellingOfEveryFile(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	c := newHTTPClient(t, nil)
	v := d.config.Library.Versions(testPackage)[0]
	for _, f := range v.Files() {
		for _, target := range []string{
			"/SMS_DP_SMSPKG$/PS100015/" + escapePath(f.Path),
			"/SMS_DP_SMSPKG$/PS100015.1/" + escapePath(f.Path),
			"/sms_dp_smspkg%24/ps100015/sccm?/" + escapePath(f.Path),
			"/SMS_DP_SMSPKG$/ps100015/SCCM?/" + strings.ToUpper(escapePath(f.Path)),
		} {
			resp, _ := mustRequest(t, c, "HEAD", d.URL("http"), target)
			if resp.StatusCode != 200 || resp.ContentLength != f.Size {
				t.Errorf("HEAD %s: %d, length %d, want 200 and %d", target, resp.StatusCode, resp.ContentLength, f.Size)
			}
		}
		if f.Size > 10<<20 {
			continue
		}
		_, body := mustRequest(t, c, "GET", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015/sccm?/"+escapePath(f.Path))
		if int64(len(body)) != f.Size || f.Mismatch(body, 0) >= 0 {
			t.Errorf("GET %q: %d bytes, wrong from %d", f.Path, len(body), f.Mismatch(body, 0))
		}
	}
}

func TestStatusAndHeaders(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	c := newHTTPClient(t, nil)
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	lm := f.ModTime.Format(http.TimeFormat)
	size := f.Size
	head, _ := mustRequest(t, c, "HEAD", d.URL("http"), setupTarget)
	etag := head.Header.Get("ETag")
	for name, want := range map[string]string{
		"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "Accept-Ranges": "bytes", "Last-Modified": lm,
		"Content-Type": "application/octet-stream",
	} {
		if got := head.Header.Get(name); got != want {
			t.Errorf("HEAD: %s = %q, want %q", name, got, want)
		}
	}
	if !strings.HasSuffix(etag, `:0"`) || head.Header.Get("Date") == "" {
		t.Errorf("HEAD: ETag %q, Date %q", etag, head.Header.Get("Date"))
	}
	tests := []struct {
		name   string
		header []string
		status int
		want   string // Content-Range
		start  int64
		length int64
	}{
		{"range", []string{"Range", "bytes=5-9"}, 206, fmt.Sprintf("bytes 5-9/%d", size), 5, 5},
		{"suffix", []string{"Range", "bytes=-7"}, 206, fmt.Sprintf("bytes %d-%d/%d", size-7, size-1, size), size - 7, 7},
		{"malformed", []string{"Range", "bytes=9-5"}, 200, "", 0, size},
		{"past the end", []string{"Range", "bytes=99999999-"}, 416, fmt.Sprintf("bytes */%d", size), 0, 0},
		{"if-range holds", []string{"Range", "bytes=5-9", "If-Range", etag}, 206, fmt.Sprintf("bytes 5-9/%d", size), 5, 5},
		{"if-range by time", []string{"Range", "bytes=5-9", "If-Range", lm}, 206, fmt.Sprintf("bytes 5-9/%d", size), 5, 5},
		{"if-range fails", []string{"Range", "bytes=5-9", "If-Range", `"x"`}, 200, "", 0, size},
		{"unmodified", []string{"Range", "bytes=5-9", "If-Unmodified-Since", lm}, 206, fmt.Sprintf("bytes 5-9/%d", size), 5, 5},
		{"modified", []string{"If-Unmodified-Since", "Wed, 05 Apr 2000 20:24:00 GMT"}, 412, "", 0, 0},
		{"if-match fails", []string{"If-Match", `"x"`}, 412, "", 0, 0},
		{"none match", []string{"If-None-Match", `"x", ` + etag}, 304, "", 0, 0},
		{"not modified since", []string{"If-Modified-Since", lm}, 304, "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := mustRequest(t, c, "GET", d.URL("http"), setupTarget, tt.header...)
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Range") != tt.want {
				t.Fatalf("got %d, %q, want %d, %q", resp.StatusCode, resp.Header.Get("Content-Range"), tt.status, tt.want)
			}
			if tt.status < 300 && (int64(len(body)) != tt.length || f.Mismatch(body, tt.start) >= 0) {
				t.Errorf("%d bytes, want %d, wrong from %d", len(body), tt.length, f.Mismatch(body, tt.start))
			}
		})
	}
}

func TestMissing(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	c := newHTTPClient(t, nil)
	for _, target := range []string{
		"/", "/SMS_DP_SMSPKG$", "/SMS_DP_SMSPKG$/", "/SMS_DP_SMSPKG$/PS100099/sccm?/setup.exe", "/SMS_DP_SMSPKG$/PS100015/no",
		"/SMS_DP_SMSPKG$/PS100015.2/setup.exe", "/SMS_DP_SMSPKG$/PS100015/../PS100015/setup.exe",
		"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/setup.exe", "/SMS_DP_SMSSIG$/PS100015.tar",
	} {
		if resp, _ := mustRequest(t, c, "GET", d.URL("http"), target); resp.StatusCode != 404 {
			t.Errorf("GET %s: %d, want 404", target, resp.StatusCode)
		}
	}
	if resp, _ := mustRequest(t, c, "POST", d.URL("http"), setupTarget); resp.StatusCode != 405 {
		t.Errorf("POST: %d, want 405", resp.StatusCode)
	}
}

func TestRangeBeyond4GiB(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	f := mustFile(t, d.config.Library, testPackage, "huge.wim")
	resp, body := mustRequest(t, newHTTPClient(t, nil), "GET", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015/huge.wim",
		"Range", "bytes=4294967290-4294967309")
	if resp.StatusCode != 206 || len(body) != 20 || f.Mismatch(body, 4294967290) >= 0 {
		t.Errorf("%d, %d bytes, wrong from %d", resp.StatusCode, len(body), f.Mismatch(body, 4294967290))
	}
}

func TestPackageUpdateAndHold(t *testing.T) {
	l := newTestLibrary(t)
	ahead := newTestDP(t, DPConfig{Name: "ahead", Library: l})
	behind := newTestDP(t, DPConfig{Name: "behind", Library: l})
	behind.Hold(testPackage, 1)
	publish(t, l, testPackage, FileSpec{Path: "setup.exe", Size: 77})
	c := newHTTPClient(t, nil)
	a, _ := mustRequest(t, c, "HEAD", ahead.URL("http"), setupTarget)
	b, _ := mustRequest(t, c, "HEAD", behind.URL("http"), setupTarget)
	if a.ContentLength != 77 || b.ContentLength != 3<<20+17 || a.Header.Get("ETag") == b.Header.Get("ETag") {
		t.Errorf("ahead has %d, behind %d bytes", a.ContentLength, b.ContentLength)
	}
	ahead.Hold(testPackage, 0)
	if resp, _ := mustRequest(t, c, "HEAD", ahead.URL("http"), setupTarget); resp.StatusCode != 404 {
		t.Errorf("a content that is not held: %d", resp.StatusCode)
	}
}

func TestContentLibrary(t *testing.T) {
	d := newTestDP(t, DPConfig{})
	c := newHTTPClient(t, nil)
	f := mustFile(t, d.config.Library, testPackage, "sub/Read Me.txt")
	for target, want := range map[string]string{
		"/SMS_DP_SMSPKG$/PkgLib/PS100015.INI":                               "PS100015.1=",
		"/SMS_DP_SMSPKG$/DataLib/PS100015.1.INI":                            "[Content]",
		"/SMS_DP_SMSPKG$/DataLib/ps100015.1/sub/Read%20Me.txt.INI":          "Hash=" + f.SHA256(),
		"/SMS_DP_SMSPKG$/FileLib/" + f.SHA256()[:4] + "/" + f.SHA256():      "hello",
		"/SMS_DP_SMSPKG$/Datalib":                                           `/Datalib\PS100015.1</a>`,
		"/SMS_DP_SMSPKG$/PS100015":                                          `&lt;dir&gt <a href="http://`,
		"/SMS_DP_SMSPKG$/PS100015/sub":                                      `  4/ 5/2023`[1:],
		"/SMS_DP_SMSPKG$/PS100015/a%20folder%20name":                        `SMS_DP_SMSPKG$/PS100015/a%20folder%20name/a%20folder%20name">http`,
		"/SMS_DP_SMSPKG$/PS100015/sub/":                                     `5 <a href="http://`,
		"/SMS_DP_SMSPKG$/DataLib/" + strings.ToLower(testUpdate) + ".1.ini": "[Content]",
	} {
		resp, body := mustRequest(t, c, "GET", d.URL("http"), target)
		if resp.StatusCode != 200 || !bytes.Contains(body, []byte(strings.TrimSpace(want))) {
			t.Errorf("GET %s: %d, %.300q, want %q in it", target, resp.StatusCode, body, want)
		}
	}
	resp, body := mustRequest(t, c, "HEAD", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015")
	if resp.StatusCode != 200 || resp.ContentLength > 0 || len(body) > 0 {
		t.Errorf("HEAD of a folder: %d, length %d", resp.StatusCode, resp.ContentLength)
	}
	d.SetListing(false)
	if resp, _ := mustRequest(t, c, "GET", d.URL("http"), "/SMS_DP_SMSPKG$/PS100015"); resp.StatusCode != 403 {
		t.Errorf("listing turned off: %d", resp.StatusCode)
	}
}

func TestCountersAndLog(t *testing.T) {
	var text bytes.Buffer
	d := newTestDP(t, DPConfig{Log: NewLog(&text)})
	c := newHTTPClient(t, nil)
	f := mustFile(t, d.config.Library, testPackage, "setup.exe")
	for _, r := range []string{"bytes=0-99", "bytes=100-299", "bytes=50-149"} {
		mustRequest(t, c, "GET", d.URL("http"), setupTarget, "Range", r, "User-Agent", "Microsoft BITS/7.8", "Authorization", "x")
	}
	n := d.Counters()
	if n.Bytes() != 400 || n.BytesOf()[f.Key()] != 400 || n.BytesBy()["DP1"] != 400 || n.Requests("GET") != 3 {
		t.Errorf("bytes %d, %v, %v, requests %d", n.Bytes(), n.BytesOf(), n.BytesBy(), n.Requests("GET"))
	}
	if first := n.Sent()[0].First; first.IsZero() || time.Since(first) > time.Minute {
		t.Errorf("first byte at %v", first)
	}
	if got := n.Overlap(""); got != 100 || n.Overlap("other") != 0 {
		t.Errorf("overlap %d, want 100", got)
	}
	if err := d.Close(); err != nil { // the log line of a request may come after its answer
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\r\n")
	if len(lines) != 7 || !strings.HasPrefix(lines[3], "#Fields: date time s-ip cs-method") {
		t.Fatalf("log:\n%s", text.String())
	}
	fields := strings.Fields(lines[4])
	if got := strings.Join(fields[2:12], " "); !strings.Contains(got, "GET /SMS_DP_SMSPKG$/PS100015/sccm /setup.exe") ||
		!strings.HasSuffix(got, " - 127.0.0.1 Microsoft+BITS/7.8 206 0") {
		t.Errorf("log line %q", lines[4])
	}
	n.Reset()
	if n.Bytes() != 0 || n.Requests("") != 0 || len(n.Sent()) != 0 {
		t.Error("reset leaves something")
	}
}
