package content

import (
	"strings"
	"testing"
)

const (
	guid    = "3F2504E0-4F89-11D3-9A0C-0305E82C3301"
	lowGUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
)

func pkg(id, path string) ID { return ID{Share: Package, Content: id, Path: path} }
func sig(id, path string) ID { return ID{Share: Signature, Content: id, Path: path} }

// wanted is one URL and the file that it names.
type wanted struct {
	name, raw string
	id        ID
	vdir      Vdir
}

func TestParseForms(t *testing.T) {
	checkParse(t, []wanted{
		{"sccm form", "/SMS_DP_SMSPKG$/PS100015/sccm?/install.wim", pkg("ps100015", "install.wim"), Plain},
		{"direct form", "/SMS_DP_SMSPKG$/PS100015/install.wim", pkg("ps100015", "install.wim"), Plain},
		{"direct form with an empty query", "/SMS_DP_SMSPKG$/PS100015/install.wim?", pkg("ps100015", "install.wim"), Plain},
		{"folders", "/SMS_DP_SMSPKG$/PS100015/sccm?/a/b/c.cab", pkg("ps100015", "a/b/c.cab"), Plain},
		{"folders, direct", "/SMS_DP_SMSPKG$/PS100015/a/b/c.cab", pkg("ps100015", "a/b/c.cab"), Plain},
		{"versioned package", "/SMS_DP_SMSPKG$/12300005.1/ccmsetup.exe", pkg("12300005.1", "ccmsetup.exe"), Plain},
		{"application", "/SMS_DP_SMSPKG$/Content_" + guid + ".1/sccm?/x.msi", pkg("content_"+lowGUID+".1", "x.msi"), Plain},
		{"update", "/SMS_DP_SMSPKG$/" + guid + "/sccm?/AM_Delta_Patch_1.225.2944.0.exe",
			pkg(lowGUID, "am_delta_patch_1.225.2944.0.exe"), Plain},
		{"versioned update", "/SMS_DP_SMSPKG$/" + guid + ".12/sccm?/x.cab", pkg(lowGUID+".12", "x.cab"), Plain},
		{"version zero", "/SMS_DP_SMSPKG$/PS100015.0/a", pkg("ps100015.0", "a"), Plain},
		{"nocert", "/NOCERT_SMS_DP_SMSPKG$/PS100015/sccm?/a", pkg("ps100015", "a"), NoCert},
		{"token", "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/a", pkg("ps100015", "a"), TokenAuth},
		{"drive", "/SMS_DP_SMSPKGD$/PS100015/a", pkg("ps100015", "a"), Plain},
		{"drive in lower case, nocert", "/nocert_sms_dp_smspkgd%24/PS100015/a", pkg("ps100015", "a"), NoCert},
		{"%24", "/SMS_DP_SMSPKG%24/PS100015/sccm?/a", pkg("ps100015", "a"), Plain},
		{"any letter case", "/sms_dp_SMSpkg$/ps100015/SCCM?/InStAlL.WIM", pkg("ps100015", "install.wim"), Plain},
	})
}

func TestParseSpellings(t *testing.T) {
	checkParse(t, []wanted{
		{"encoded vdir", "/%53MS%5fDP_SMSPKG$/PS100015/a", pkg("ps100015", "a"), Plain},
		{"encoded alias", "/%4eOCERT_SMS_DP_SMSPKG$/PS100015/a", pkg("ps100015", "a"), NoCert},
		{"encoded id", "/SMS_DP_SMSPKG$/%50S100015/a", pkg("ps100015", "a"), Plain},
		{"encoded marker", "/SMS_DP_SMSPKG$/PS100015/%73ccm?/a", pkg("ps100015", "a"), Plain},
		{"encoded slash", "/SMS_DP_SMSPKG$%2fPS100015%2Fa%2fb", pkg("ps100015", "a/b"), Plain},
		{"backslashes", `/SMS_DP_SMSPKG$\PS100015\a\b`, pkg("ps100015", "a/b"), Plain},
		{"encoded backslashes", "/SMS_DP_SMSPKG$/PS100015/sccm?/a%5cb%5Cc", pkg("ps100015", "a/b/c"), Plain},
		{"backslash before the file", `/SMS_DP_SMSPKG$/PS100015/sccm?\a\b`, pkg("ps100015", "a/b"), Plain},
		{"doubled separators", "/SMS_DP_SMSPKG$//PS100015//sccm?//a//b", pkg("ps100015", "a/b"), Plain},
		{"dot segments", "/SMS_DP_SMSPKG$/PS100015/./a/%2e/b", pkg("ps100015", "a/b"), Plain},
		{"semicolon and ampersand", "/SMS_DP_SMSPKG%24/PS100015/sccm?/a;b&c.exe", pkg("ps100015", "a;b&c.exe"), Plain},
		{"semicolon and ampersand, direct", "/SMS_DP_SMSPKG$/PS100015/a;b&c=d.exe", pkg("ps100015", "a;b&c=d.exe"), Plain},
		{"plus is a plus", "/SMS_DP_SMSPKG$/PS100015/sccm?/notepad++.exe", pkg("ps100015", "notepad++.exe"), Plain},
		{"encoded plus", "/SMS_DP_SMSPKG$/PS100015/notepad%2B%2b.exe", pkg("ps100015", "notepad++.exe"), Plain},
		{"hash in the query", "/SMS_DP_SMSPKG$/PS100015/sccm?/c#.dll", pkg("ps100015", "c#.dll"), Plain},
		{"hash in the path, encoded", "/SMS_DP_SMSPKG$/PS100015/c%23.dll", pkg("ps100015", "c#.dll"), Plain},
		{"literal percent", "/SMS_DP_SMSPKG$/PS100015/sccm?/100%.exe", pkg("ps100015", "100%.exe"), Plain},
		{"encoded percent", "/SMS_DP_SMSPKG$/PS100015/sccm?/100%25.exe", pkg("ps100015", "100%.exe"), Plain},
		{"encoded percent, direct", "/SMS_DP_SMSPKG$/PS100015/100%25.exe", pkg("ps100015", "100%.exe"), Plain},
		{"percent at the end", "/SMS_DP_SMSPKG$/PS100015/sccm?/100%", pkg("ps100015", "100%"), Plain},
		{"percent and one digit", "/SMS_DP_SMSPKG$/PS100015/sccm?/a%4", pkg("ps100015", "a%4"), Plain},
		{"percent before an escape", "/SMS_DP_SMSPKG$/PS100015/sccm?/%%41", pkg("ps100015", "%a"), Plain},
		{"decoded once", "/SMS_DP_SMSPKG$/PS100015/sccm?/a%2520b", pkg("ps100015", "a%20b"), Plain},
		{"space", "/SMS_DP_SMSPKG$/PS100015/sccm?/a%20b.exe", pkg("ps100015", "a b.exe"), Plain},
		{"UTF-8", "/SMS_DP_SMSPKG$/PS100015/sccm?/%C3%84rger.EXE", pkg("ps100015", "ärger.exe"), Plain},
		{"raw UTF-8", "/SMS_DP_SMSPKG$/PS100015/Ärger.exe", pkg("ps100015", "ärger.exe"), Plain},
	})
}

func TestParseOddNames(t *testing.T) {
	checkParse(t, []wanted{
		{"file named sccm", "/SMS_DP_SMSPKG$/PS100015/sccm?/sccm", pkg("ps100015", "sccm"), Plain},
		{"folder named sccm", "/SMS_DP_SMSPKG$/PS100015/sccm/a", pkg("ps100015", "sccm/a"), Plain},
		{"folder named DataLib", "/SMS_DP_SMSPKG$/PS100015/sccm?/DataLib/a", pkg("ps100015", "datalib/a"), Plain},
		{"three dots inside a name", "/SMS_DP_SMSPKG$/PS100015/a...b", pkg("ps100015", "a...b"), Plain},
		{"name that begins with a dot", "/SMS_DP_SMSPKG$/PS100015/.config/..a", pkg("ps100015", ".config/..a"), Plain},
		{"signature", "/SMS_DP_SMSSIG$/PS100015.3.tar", sig("ps100015.3", "ps100015.3.tar"), Plain},
		{"signature of an application", "/SMS_DP_SMSSIG%24/Content_" + guid + ".1.TAR",
			sig("content_"+lowGUID+".1", "content_"+lowGUID+".1.tar"), Plain},
		{"signature of an update, token", "/CCMTOKENAUTH_SMS_DP_SMSSIG$/" + guid + ".1.tar",
			sig(lowGUID+".1", lowGUID+".1.tar"), TokenAuth},
	})
}

func checkParse(t *testing.T, table []wanted) {
	t.Helper()
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Parse("HTTP", "DP1.Contoso.com", tt.raw)
			if !ok {
				t.Fatalf("Parse(%q) = not content, want %+v", tt.raw, tt.id)
			}
			if got.ID != tt.id || got.Vdir != tt.vdir {
				t.Errorf("Parse(%q) = %+v %v, want %+v %v", tt.raw, got.ID, got.Vdir, tt.id, tt.vdir)
			}
			if got.Raw != tt.raw || got.Scheme != "http" || got.Host != "dp1.contoso.com:80" || got.Header != nil {
				t.Errorf("Parse(%q) = raw %q, scheme %q, host %q, header %v", tt.raw, got.Raw, got.Scheme, got.Host, got.Header)
			}
		})
	}
}

// p is the root of a package: what follows it makes the case.
const p = "/SMS_DP_SMSPKG$/PS100015"

func TestParseRefusesForms(t *testing.T) {
	checkRefused(t, map[string]string{
		"nothing":                       "",
		"asterisk form":                 "*",
		"authority form":                "dp1:443",
		"absolute form":                 "http://dp1" + p + "/a",
		"management point":              "/SMS_MP/.sms_aut?MPLIST",
		"peer cache":                    "/SCCM_BranchCache$/PS100015/sccm?/a",
		"no dollar":                     "/SMS_DP_SMSPKG/PS100015/a",
		"two drive letters":             "/SMS_DP_SMSPKGDE$/PS100015/a",
		"signature with a drive":        "/SMS_DP_SMSSIGD$/PS100015.1.tar",
		"two aliases":                   "/NOCERT_NOCERT_SMS_DP_SMSPKG$/PS100015/a",
		"text after the dollar":         "/SMS_DP_SMSPKG$x/PS100015/a",
		"empty first segment":           "//SMS_DP_SMSPKG$/PS100015/a",
		"dot before the vdir":           "/./SMS_DP_SMSPKG$/PS100015/a",
		"bare vdir":                     "/SMS_DP_SMSPKG$",
		"bare vdir, slash":              "/SMS_DP_SMSPKG$/",
		"vdir with a query":             "/SMS_DP_SMSPKG$?/PS100015/a",
		"bare id":                       p,
		"bare id, slash":                p + "/",
		"bare id, dot":                  p + "/.",
		"marker without a query":        p + "/sccm",
		"marker with an empty query":    p + "/sccm?",
		"marker with the root":          p + "/sccm?/",
		"marker with a folder":          p + "/sccm?/a/",
		"marker with a folder, escaped": p + "/sccm?/a%2f",
		"marker with a dot folder":      p + "/sccm?/a/.",
		"marker with a slash":           p + "/sccm/?/a",
		"marker deeper down":            p + "/a/sccm?/b",
		"marker under no id":            "/SMS_DP_SMSPKG$/sccm?/a",
		"query without a slash":         p + "/sccm?a.exe",
		"query on a direct path":        p + "/a.exe?x=1",
		"second query":                  p + "/sccm?/a.exe?x=1",
		"folder":                        p + "/a/",
		"folder, backslash":             p + `/a\`,
	})
}

func TestParseRefusesIDs(t *testing.T) {
	checkRefused(t, map[string]string{
		"DataLib":                     "/SMS_DP_SMSPKG$/DataLib/PS100015.1/a.INI",
		"datalib listing":             "/SMS_DP_SMSPKG$/datalib",
		"PkgLib":                      "/SMS_DP_SMSPKG$/PkgLib/PS100015.INI",
		"FileLib":                     "/SMS_DP_SMSPKG$/FILELIB/ABCD/" + strings.Repeat("AB", 32),
		"FileLib, escaped":            "/SMS_DP_SMSPKG$/%46ileLib/ABCD/ABCD",
		"FileLib in the query":        "/SMS_DP_SMSPKG$/sccm?/FileLib/ABCD/ABCD",
		"short id":                    "/SMS_DP_SMSPKG$/PS10001/a",
		"long id":                     "/SMS_DP_SMSPKG$/PS1000155/a",
		"id not hex":                  "/SMS_DP_SMSPKG$/PS10001G/a",
		"id with a Kelvin sign":       "/SMS_DP_SMSPKG$/\u212aS100015/a",
		"content without a version":   "/SMS_DP_SMSPKG$/Content_" + guid + "/a",
		"content with a package":      "/SMS_DP_SMSPKG$/Content_PS100015.1/a",
		"guid in braces":              "/SMS_DP_SMSPKG$/{" + guid + "}/a",
		"guid without dashes":         "/SMS_DP_SMSPKG$/" + strings.ReplaceAll(guid, "-", "0") + "/a",
		"empty version":               p + "./a",
		"version with a leading zero": p + ".01/a",
		"version of two numbers":      p + ".1.2/a",
		"version not a number":        p + ".x/a",
		"version too long":            p + ".12345678901/a",
		"signature without a version": "/SMS_DP_SMSSIG$/PS100015.tar",
		"signature without tar":       "/SMS_DP_SMSSIG$/PS100015.1",
		"signature in a folder":       "/SMS_DP_SMSSIG$/PS100015.1/PS100015.1.tar",
		"signature with a query":      "/SMS_DP_SMSSIG$/PS100015.1.tar?x",
		"signature in the sccm form":  "/SMS_DP_SMSSIG$/sccm?/PS100015.1.tar",
		"bare signature vdir":         "/SMS_DP_SMSSIG$/",
	})
}

func TestParseRefusesClimbing(t *testing.T) {
	checkRefused(t, map[string]string{
		"climb":                       p + "/../a",
		"climb, direct at the end":    p + "/a/..",
		"climb, sccm":                 p + "/sccm?/../a",
		"climb, escaped":              p + "/%2e%2E/a",
		"climb, half escaped":         p + "/sccm?/.%2e/a",
		"climb, backslashes":          p + `/sccm?/a\..\..\b`,
		"climb, escaped separators":   p + "/sccm?/a%5c..%2f..%5cb",
		"climb, twice escaped":        p + "/sccm?/%252e%252e/a",
		"climb, twice escaped slash":  p + "/sccm?/a%252f..%252fb",
		"climb, three times escaped":  p + "/%25252e%25252e/a",
		"climb, overlong":             p + "/sccm?/%c0%ae%c0%ae/a",
		"climb, overlong twice":       p + "/sccm?/%25c0%25ae%25c0%25ae/a",
		"climb, wide escapes":         p + "/sccm?/%u002e%u002E/a",
		"climb, wide escapes, hidden": p + "/%25u002e%25u002e/a",
		"climb, space":                p + "/sccm?/..%20/a",
		"climb, three dots":           p + "/sccm?/.../a",
		"climb, full-width dots":      p + "/sccm?/\uff0e\uff0e/a",
		"climb before the id":         "/SMS_DP_SMSPKG$/../PS100015/a",
		"endless escapes":             p + "/sccm?/%" + strings.Repeat("25", 20) + "41",
	})
}

func TestParseRefusesNames(t *testing.T) {
	checkRefused(t, map[string]string{
		"dot at the end of a name":     p + "/sccm?/a.exe.",
		"space at the end of a name":   p + "/sccm?/a.exe%20",
		"NUL":                          p + "/sccm?/a%00.exe",
		"NUL, twice escaped":           p + "/sccm?/a%2500.exe",
		"newline":                      p + "/sccm?/a%0a",
		"delete":                       p + "/sccm?/a%7f",
		"C1 control":                   p + "/sccm?/a%c2%85",
		"raw control":                  p + "/sccm?/a\x01",
		"raw space":                    p + "/sccm?/a b.exe",
		"raw space in the path":        p + "/a b.exe",
		"raw delete":                   p + "/sccm?/a\x7f",
		"bad escape in the path":       p + "/100%.exe",
		"bad escape in the path, sccm": "/SMS_DP_SMSPKG$/PS100015%/sccm?/a",
		"fragment in the path":         p + "/a#b",
		"not UTF-8":                    p + "/sccm?/%e4.exe",
		"raw bytes that are not UTF-8": p + "/\xe4.exe",
		"surrogate":                    p + "/sccm?/%ed%a0%80",
		"stream":                       p + "/sccm?/a.exe::$DATA",
		"wildcard":                     p + "/sccm?/*.exe",
		"pipe":                         p + "/a%7cb",
	})
}

func checkRefused(t *testing.T, table map[string]string) {
	t.Helper()
	for name, raw := range table {
		t.Run(name, func(t *testing.T) {
			if got, ok := Parse("http", "dp1", raw); ok {
				t.Errorf("Parse(%q) = %+v, want not content", raw, got.ID)
			}
		})
	}
}
