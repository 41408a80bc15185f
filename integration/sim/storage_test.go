package sim

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is a clock that tests turn.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newTestStorage(t testing.TB, c StorageConfig) *Storage {
	t.Helper()
	c.Name = orDefault(c.Name, "storage")
	if c.Library == nil {
		c.Library = newSmallLibrary(t)
	}
	if c.CA == nil {
		ca, err := NewCA()
		if err != nil {
			t.Fatal(err)
		}
		c.CA = ca
	}
	s, err := NewStorage(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// signFor signs and takes the URL apart.
func signFor(t *testing.T, s *Storage, f *File, holder string, life time.Duration) (target string) {
	t.Helper()
	secret, err := s.Sign(f, holder, life)
	if err != nil {
		t.Fatal(err)
	}
	_, _, target, err = splitURL(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestSignature compares with an HMAC that another program has made of the string that the documentation describes.
func TestSignature(t *testing.T) {
	l := newSmallLibrary(t)
	clock := &testClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s := newTestStorage(t, StorageConfig{Library: l, Host: "acct.blob.core.windows.net", Now: clock.Now,
		Key: NewSecret(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")))})
	f := mustFile(t, l, testPackage, "sub/Größe 100%;a+b#c.cab")
	want := "/ps100015-1/sub/Gr%C3%B6%C3%9Fe%20100%25%3Ba+b%23c.cab?sv=2020-12-06&st=2026-01-02T03%3A03%3A05Z&se=2026-01-02T04%3A04%3A05Z" +
		"&sr=b&sp=r&spr=https&si=client-1&sig=LbbLJN%2F8al4OBtmvMlJMr2%2BbV1xQ8kQF51YFj%2BgOlEo%3D"
	if got := signFor(t, s, f, "client-1", time.Hour); got != want {
		t.Errorf("signed\n%s\nwant\n%s", got, want)
	}
}

// TestStorageRefuses goes through all that is wrong with a request, and checks status, code and page.
func TestStorageRefuses(t *testing.T) {
	clock := &testClock{now: time.Now()}
	l := newSmallLibrary(t)
	s := newTestStorage(t, StorageConfig{Library: l, Now: clock.Now})
	c := newHTTPClient(t, s.config.CA)
	f := mustFile(t, l, testPackage, "setup.exe")
	good := signFor(t, s, f, "client-1", time.Hour)
	short := signFor(t, s, f, "client-1", time.Minute)
	gone := signFor(t, s, f, "client-2", time.Hour)
	clock.advance(2 * time.Minute)
	s.Revoke("client-2")
	later := newTestStorage(t, StorageConfig{Library: l, Now: func() time.Time { return clock.Now().Add(time.Hour) }, Key: s.config.Key})
	early := signFor(t, later, f, "client-1", time.Hour)
	bare, query, _ := strings.Cut(good, "?")
	const no = "AuthenticationFailed"
	for name, tt := range map[string]struct {
		method, target string
		status         int
		code           string
	}{
		"good":                  {"GET", good, 200, ""},
		"good, HEAD":            {"HEAD", good, 200, ""},
		"no signature":          {"GET", bare, 409, "PublicAccessNotPermitted"},
		"another blob":          {"GET", "/ps100015-1/sub/empty?" + query, 403, no},
		"another case":          {"GET", "/ps100015-1/Setup.exe?" + query, 403, no},
		"another container":     {"GET", "/none/setup.exe?" + query, 403, no},
		"longer life":           {"GET", strings.Replace(good, "&se=20", "&se=21", 1), 403, no},
		"more permission":       {"GET", strings.Replace(good, "&sp=r", "&sp=rw", 1), 403, no},
		"another holder":        {"GET", strings.Replace(good, "&si=client-1", "&si=client-9", 1), 403, no},
		"a header overridden":   {"GET", good + "&rsct=text/html", 403, no},
		"an empty signature":    {"GET", good[:strings.Index(good, "&sig=")] + "&sig=", 403, no},
		"expired":               {"GET", short, 403, no},
		"expired, HEAD":         {"HEAD", short, 403, no},
		"revoked":               {"GET", gone, 403, no},
		"not yet":               {"GET", early, 403, no},
		"PUT":                   {"PUT", good, 403, "AuthorizationPermissionMismatch"},
		"a list":                {"GET", good + "&comp=list&restype=container", 403, "AuthorizationPermissionMismatch"},
		"signed, no such blob":  {"GET", resign(s, "ps100015-1/none"), 404, "BlobNotFound"},
		"signed, in lower case": {"GET", resign(s, "ps100015-1/sub/größe 100%;a+b#c.cab"), 404, "BlobNotFound"},
		"signed, no container":  {"GET", resign(s, "none/setup.exe"), 404, "ContainerNotFound"},
	} {
		resp, body := mustRequest(t, c, tt.method, s.URL("https"), tt.target)
		if resp.StatusCode != tt.status || resp.Header.Get("x-ms-error-code") != tt.code {
			t.Errorf("%s: %d %q, want %d %q", name, resp.StatusCode, resp.Header.Get("x-ms-error-code"), tt.status, tt.code)
		}
		if tt.code != "" && tt.method != "HEAD" {
			checkAzurePage(t, name, body, tt.code, resp.Header.Get("x-ms-request-id"))
		}
	}
	s.Admit("client-2")
	if resp, _ := mustRequest(t, c, "HEAD", s.URL("https"), gone); resp.StatusCode != 200 {
		t.Errorf("admitted again: %d", resp.StatusCode)
	}
	s.SetHead(false)
	for method, want := range map[string]int{"HEAD": 403, "GET": 200} {
		if resp, _ := mustRequest(t, c, method, s.URL("https"), good); resp.StatusCode != want {
			t.Errorf("%s without HEAD: %d", method, resp.StatusCode)
		}
	}
	checkNoSecret(t, s.Log(), "sig", "se=")
}

// resign signs for any name.
func resign(s *Storage, name string) string {
	_, _, target, _ := splitURL(s.sign(name, "client-1", time.Hour).Reveal())
	return target
}

func checkAzurePage(t *testing.T, name string, body []byte, code, id string) {
	t.Helper()
	var page struct {
		Code, Message, AuthenticationErrorDetail string
	}
	if err := xml.Unmarshal(body, &page); err != nil || page.Code != code || !strings.Contains(page.Message, "RequestId:"+id) || id == "" {
		t.Errorf("%s: %v in %q", name, err, body)
	}
	if (code == "AuthenticationFailed") != (page.AuthenticationErrorDetail != "") {
		t.Errorf("%s: detail %q", name, page.AuthenticationErrorDetail)
	}
}

// checkNoSecret looks for texts in all that a log keeps and writes.
func checkNoSecret(t *testing.T, log *Log, secrets ...string) {
	t.Helper()
	for _, e := range log.Entries() {
		for _, secret := range secrets {
			if strings.Contains(fmt.Sprintf("%+v", e)+e.line(), secret) {
				t.Errorf("%q is in the log: %+v", secret, e)
			}
		}
	}
}

func TestStorageSuffers(t *testing.T) {
	l := newSmallLibrary(t)
	s := newTestStorage(t, StorageConfig{Library: l})
	c := newHTTPClient(t, s.config.CA)
	f := mustFile(t, l, testPackage, "setup.exe")
	target := signFor(t, s, f, "c", time.Hour)
	for name, tt := range map[string]struct {
		fault  Fault
		status int    // 0: the body breaks
		check  string // header and its value
	}{
		"busy":          {Fault{Kind: FaultStatus}, 503, "x-ms-error-code: ServerBusy"},
		"range ignored": {Fault{Kind: FaultRangeIgnored}, 200, "Content-Range: "},
		"wrong range":   {Fault{Kind: FaultWrongStart}, 206, fmt.Sprintf("Content-Range: bytes 101-1000/%d", f.Size)},
		"cut":           {Fault{Kind: FaultShortBody, After: 10}, 0, ""},
		"reset":         {Fault{Kind: FaultReset, After: 10}, 0, ""},
		"killed":        {Fault{Kind: FaultKill, After: 10}, 0, ""},
	} {
		in, err := s.Faults.Inject(tt.fault)
		if err != nil {
			t.Fatal(err)
		}
		resp, _, err := request(t, c, "GET", s.URL("https"), target, "Range", "bytes=100-999")
		if in.Lift(); (err != nil) != (tt.status == 0) || in.Strikes() == 0 {
			t.Errorf("%s: %v, %d strikes", name, err, in.Strikes())
		}
		header, want, _ := strings.Cut(tt.check, ": ")
		if tt.status != 0 && (resp.StatusCode != tt.status || resp.Header.Get(header) != want) {
			t.Errorf("%s: %d, %s %q, want %d %q", name, resp.StatusCode, header, resp.Header.Get(header), tt.status, want)
		}
		if tt.fault.Kind == FaultKill {
			if err := s.Revive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	resp, body := mustRequest(t, c, "GET", s.URL("https"), target)
	if resp.StatusCode != 200 || f.Mismatch(body, 0) >= 0 || s.Counters().BytesFor()["c"] < f.Size || s.Counters().Bytes() != s.Counters().BytesBy()["storage"] {
		t.Errorf("afterwards: %d, counted %v, %v", resp.StatusCode, s.Counters().BytesFor(), s.Counters().BytesBy())
	}
}

func TestNewStorageRefuses(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]StorageConfig{
		"no name":    {Library: NewLibrary(), CA: ca},
		"no library": {Name: "x", CA: ca},
		"no CA":      {Name: "x", Library: NewLibrary()},
		"key":        {Name: "x", Library: NewLibrary(), CA: ca, Key: NewSecret("!")},
		"address":    {Name: "x", Library: NewLibrary(), CA: ca, Addr: "0.0.0.0:0"},
	} {
		if _, err := NewStorage(c); err == nil || strings.Contains(err.Error(), "!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := newTestStorage(t, StorageConfig{})
	other := newSmallLibrary(t)
	a := mustFile(t, other, testPackage, "setup.exe")
	stranger := publish(t, other, "PS100099", FileSpec{Path: "x"}).Files()[0]
	if s.Replace(a, stranger) == nil || s.Replace(stranger, stranger) == nil {
		t.Error("a file is replaced with one of another path, or one that is not there is replaced")
	}
	if _, err := s.Sign(stranger, "c", time.Hour); err == nil {
		t.Error("a file that is not there is signed for")
	}
}
