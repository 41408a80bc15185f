package content

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// signature is the query of a service SAS as the storage SDKs make it.
const signature = "?sv=2020-12-06&st=2026-01-02T03%3A03%3A05Z&se=2026-01-02T04%3A04%3A05Z&sr=b&sp=r&spr=https&si=c&sig=LbbLJN%2F8al4%3D"

func TestParseBlob(t *testing.T) {
	for _, tt := range []struct{ name, host, raw, content, path string }{
		{"public", "acct.blob.core.windows.net", "/ps100015-1/setup.exe", "ps100015-1", "setup.exe"},
		{"public, an empty query", "acct.blob.core.windows.net", "/ps100015-1/setup.exe?", "ps100015-1", "setup.exe"},
		{"signed", "acct.blob.core.windows.net", "/ps100015-1/setup.exe" + signature, "ps100015-1", "setup.exe"},
		{"port", "Acct.blob.core.windows.net:443", "/ps100015-1/setup.exe" + signature, "ps100015-1", "setup.exe"},
		{"letter case counts", "acct", "/ps100015-1/Sub/Setup.EXE" + signature, "ps100015-1", "Sub/Setup.EXE"},
		{"folders", "acct", "/abc/a/b/c" + signature, "abc", "a/b/c"},
		{"an escaped folder, as the SDKs write it", "acct", "/abc/a%2Fb%2fc" + signature, "abc", "a/b/c"},
		{"escapes", "acct", "/abc/Gr%C3%B6%C3%9Fe%20100%25%3Ba+b%23c.cab" + signature, "abc", "Größe 100%;a+b#c.cab"},
		{"characters that Windows does not have", "acct", "/abc/a:b*%22%7C%3C", "abc", `a:b*"|<`},
		{"a dot in front", "acct", "/abc/.a", "abc", ".a"},
		{"longest", "acct", "/" + strings.Repeat("a", 63) + "/" + strings.Repeat("b", 1024), strings.Repeat("a", 63), strings.Repeat("b", 1024)},
		{"by a user's key", "acct", "/abc/d?skoid=1&sktid=2&skt=3&ske=2026-01-02&sks=b&skv=5&saoid=6&suoid=7&scid=8&sig=x", "abc", "d"},
		{"by the account", "acct", "/abc/d?ss=b&srt=o&sip=1.2.3.4&sdd=1&ses=x&api-version=2020-12-06&timeout=30&sig=x", "abc", "d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseBlob("HTTPS", tt.host, tt.raw)
			if want := (ID{Share: Blob, Content: tt.content, Path: tt.path}); !ok || got.ID != want {
				t.Fatalf("ParseBlob(%q) = %+v, %v, want %+v", tt.raw, got.ID, ok, want)
			}
			_, query, _ := strings.Cut(tt.raw, "?")
			if host, _ := HostPort("https", tt.host); got.Host != host || got.Scheme != "https" || got.Raw != tt.raw || got.Signed != (query != "") {
				t.Errorf("host %q, scheme %q, raw %q, signed %v", got.Host, got.Scheme, got.Raw, got.Signed)
			}
		})
	}
}

func TestParseBlobRefuses(t *testing.T) {
	for name, raw := range map[string]string{
		"empty":                     "",
		"no path":                   "/",
		"no slash":                  "abc/d",
		"a blob of the root":        "/d.exe",
		"the root container":        "/$root/d.exe",
		"a container":               "/abc",
		"a container, slash":        "/abc/",
		"list of a container":       "/abc?restype=container&comp=list",
		"short container":           "/ab/d",
		"long container":            "/" + strings.Repeat("a", 64) + "/d",
		"container in capitals":     "/Abc/d",
		"container, escaped":        "/%61bc/d",
		"container and blob as one": "/abc%2Fd",
		"container with a dot":      "/abc.svc/d",
		"two hyphens":               "/a--c/d",
		"hyphen in front":           "/-abc/d",
		"hyphen at the end":         "/abc-/d",
		"empty segment":             "/abc/a//b",
		"empty segment in front":    "/abc//b",
		"empty segment, escaped":    "/abc/%2Fb",
		"a folder":                  "/abc/a/",
		"climbs":                    "/abc/../d",
		"climbs, escaped":           "/abc/%2e%2e/d",
		"climbs, escaped twice":     "/abc/a%252f..%252fd",
		"here":                      "/abc/./d",
		"a dot at the end":          "/abc/d.",
		"a dot at a folder's end":   "/abc/a./d",
		"backslash":                 `/abc/a\d`,
		"backslash, escaped":        "/abc/a%5Cd",
		"an escaped query":          "/abc/d%3Fsig=1",
		"control":                   "/abc/a%00d",
		"newline":                   "/abc/a%0Ad",
		"raw space":                 "/abc/a d",
		"fragment":                  "/abc/a#d",
		"bad escape":                "/abc/100%.exe",
		"not UTF-8":                 "/abc/%e4.exe",
		"too long":                  "/abc/" + strings.Repeat("b", 1025),
		"a manifest":                "/downloadrestservice.svc/getcontentxmlsecure?pid=PS100001&cid=PS100001",
		"a manifest, any case":      "/DownloadRestService.svc/GetContentXmlSecure?pid=PS100001&cid=PS100001",
		"another snapshot":          "/abc/d" + signature + "&snapshot=2026-01-02T03:03:05.1234567Z",
		"another version":           "/abc/d?versionid=2026-01-02T03:03:05.1234567Z",
		"blocks":                    "/abc/d" + signature + "&comp=blocklist",
		"another type":              "/abc/d?restype=container",
		"another Cache-Control":     "/abc/d" + signature + "&rscc=no-cache",
		"another disposition":       "/abc/d" + signature + "&rscd=attachment",
		"another coding":            "/abc/d" + signature + "&rsce=gzip",
		"another language":          "/abc/d" + signature + "&rscl=de",
		"another Content-Type":      "/abc/d" + signature + "&rsct=text/html",
		"a parameter nobody knows":  "/abc/d" + signature + "&x=1",
		"a parameter in capitals":   "/abc/d?SIG=1",
		"a parameter twice":         "/abc/d?sig=1&sig=2",
		"an escaped parameter":      "/abc/d?%73ig=1",
		"nothing between two":       "/abc/d?sv=1&&sig=2",
		"no time":                   "/abc/d?se=tomorrow&sig=2",
		"the sccm? form":            "/abc/sccm?/d",
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := ParseBlob("https", "acct.blob.core.windows.net", raw); ok || got.Raw != "" {
				t.Errorf("ParseBlob(%q) = %+v, want not content", raw, got.ID)
			}
		})
	}
	if _, ok := ParseBlob("ftp", "acct", "/abc/d"); ok {
		t.Error("ftp is content")
	}
	if _, ok := ParseBlob("https", "user@acct", "/abc/d"); ok {
		t.Error("a host with a user is content")
	}
}

// TestBlobsAndPackages: no URL is both, so it does not matter who is asked first.
func TestBlobsAndPackages(t *testing.T) {
	for _, raw := range []string{p + "/a", "/SMS_DP_SMSSIG$/PS100015.1.tar", "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a"} {
		if got, ok := ParseBlob("https", "dp1", raw); ok {
			t.Errorf("ParseBlob(%q) = %+v", raw, got.ID)
		}
	}
	if got, ok := Parse("https", "acct", "/abc/d"+signature); ok {
		t.Errorf("Parse takes a blob for %+v", got.ID)
	}
}

func TestSignatureEnds(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		query string
		until time.Time
	}{
		{"", time.Time{}},
		{"sig=x&si=policy", time.Time{}},
		{"se=2026-01-02T04%3A04%3A05Z&sig=x", at},
		{"se=2026-01-02T04:04:05Z", at},
		{"se=2026-01-02T04:04:05.0000000Z", at},
		{"se=2026-01-02T04:04Z", at.Truncate(time.Minute)},
		{"se=2026-01-02T05:04:05%2b01:00", at},
		{"se=2026-01-02", at.Truncate(24 * time.Hour)},
		{"se=2026-01-02T04:04:05Z&ske=2027-01-02T04:04:05Z", at},
		{"ske=2026-01-02T04:04:05Z&se=2027-01-02T04:04:05Z", at},
	} {
		got, ok := ParseBlob("https", "acct", "/abc/d?"+tt.query)
		if !ok || !got.Until.Equal(tt.until) || got.Until.IsZero() != tt.until.IsZero() {
			t.Errorf("%q ends at %v, want %v", tt.query, got.Until, tt.until)
		}
	}
}

func TestPlainBlobRequest(t *testing.T) {
	for name, plain := range map[string]bool{
		"x-ms-version": true, "X-Ms-Client-Request-Id": true, "x-ms-date": true, "Range": true, "Authorization": true, "X-Msx": true,
		"x-ms-range": false, "X-MS-RANGE": false, "x-ms-range-get-content-md5": false, "x-ms-lease-id": false,
		"x-ms-encryption-key": false, "x-ms-if-tags": false, "x-ms-structured-body": false, "x-ms-anything": false,
	} {
		if got := PlainBlobRequest(http.Header{name: {"1"}}); got != plain {
			t.Errorf("%s: %v, want %v", name, got, plain)
		}
	}
}

// TestNoSignatureIsPrinted is TestNoHeaderIsPrinted for the query of a signed URL.
func TestNoSignatureIsPrinted(t *testing.T) {
	const secret = "CANARY1b2c3d"
	target, ok := ParseBlob("https", "acct", "/abc/d?sig="+secret)
	if !ok {
		t.Fatal("not content")
	}
	for _, text := range dumps(t, target) {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("the signature is printed: %s", text)
		}
	}
	if want := "https://acct:443/abc/d (/blob/abc/d)"; target.String() != want {
		t.Errorf("String() = %q, want %q", target, want)
	}
}

// TestBlobsStayDistinct spells random blobs in random ways: one ID each, whatever the signature, and never one for two.
func TestBlobsStayDistinct(t *testing.T) {
	s := speller{rand.New(rand.NewPCG(5, 6))}
	ids := make(map[ID]string)
	tested := 0
	for range 20000 {
		name := s.letters("abC", 2) + s.pick("", "/"+s.letters("äÄ+&=;%~:", 2)) + s.letters("xX", 1)
		if !isBlobPath(name) {
			continue
		}
		tested++
		id := ID{Share: Blob, Content: "abc", Path: name}
		raw := "/abc/" + s.blob(name) + s.pick("", "?", signature, fmt.Sprintf("?se=2026-01-02&sig=%x", s.Uint64()))
		got, ok := ParseBlob("https", "acct", raw)
		if !ok || got.ID != id {
			t.Fatalf("ParseBlob(%q) = %+v, %v, want %+v", raw, got.ID, ok, id)
		}
		if other, known := ids[got.ID]; known && other != name {
			t.Fatalf("%q and %q have one ID", other, name)
		}
		ids[got.ID] = name
	}
	if tested < 5000 || len(ids) < 100 {
		t.Errorf("%d names, %d of them different", tested, len(ids))
	}
}

// blob spells the name of a blob in random escapes.
func (s speller) blob(name string) string {
	var out strings.Builder
	for _, b := range []byte(name) {
		if b >= utf8.RuneSelf || b == '%' || b == '?' || b == '#' || s.IntN(4) == 0 {
			fmt.Fprintf(&out, s.pick("%%%02x", "%%%02X"), b)
			continue
		}
		out.WriteByte(b)
	}
	return out.String()
}

func FuzzParseBlob(f *testing.F) {
	for _, raw := range []string{"/abc/d", "/abc/a%2Fb" + signature, "/abc/d?se=2026-01-02&sig=%", "/abc/%25252e%2e/x", "/abc/ä?", "/$root/x",
		"/abc/d?sv=1&sv=2", "/abc/sccm?/x", "/abc/%u002e"} {
		f.Add(raw, "sig=x&se=2026-01-02")
	}
	f.Fuzz(func(t *testing.T, raw, query string) {
		got, ok := ParseBlob("https", "acct", raw)
		if !ok {
			if got.Raw != "" || got.ID != (ID{}) {
				t.Errorf("not content, and yet %+v", got.ID)
			}
			return
		}
		id := got.ID
		if got.Raw != raw || !isContainer(id.Content) || !utf8.ValidString(id.Path) || strings.ContainsAny(id.Path, "\\\x00") {
			t.Errorf("%q is %+v", raw, id)
		}
		for name := range strings.SplitSeq(id.Path, "/") {
			if name == "" || strings.Trim(name, ".") == "" {
				t.Errorf("Path = %q has the segment %q", id.Path, name)
			}
		}
		if _, ok := Parse("https", "acct", raw); ok {
			t.Errorf("%q is both a blob and a file of a distribution point", raw)
		}
		bare, _, _ := strings.Cut(raw, "?")
		if again, ok := ParseBlob("https", "acct", bare+"?"+query); ok && again.ID != id {
			t.Errorf("%q and %q differ only in their queries, and are %+v and %+v", raw, again.Raw, id, again.ID)
		}
		exact := "/" + id.Content + "/"
		for _, b := range []byte(id.Path) {
			exact += fmt.Sprintf("%%%02x", b)
		}
		if again, ok := ParseBlob("https", "acct", exact); !ok || again.ID != id {
			t.Errorf("%q is %+v, %v, want %+v", exact, again.ID, ok, id)
		}
	})
}
