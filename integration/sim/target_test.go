package sim

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		name, raw    string
		vdir         Vdir
		area         area
		segment, rel string
	}{
		{"direct", "/SMS_DP_SMSPKG$/PS100015/a/b.exe", VdirPlain, areaContent, "PS100015", "a/b.exe"},
		{"sccm", "/SMS_DP_SMSPKG$/PS100015/sccm?/a/b.exe", VdirPlain, areaContent, "PS100015", "a/b.exe"},
		{"sccm without slash", "/SMS_DP_SMSPKG$/PS100015/SCCM?a/b.exe", VdirPlain, areaContent, "PS100015", "a/b.exe"},
		{"absolute-form", "http://DP:80/sms_dp_smspkg$/PS100015/sccm?/x", VdirPlain, areaContent, "PS100015", "x"},
		{"escaped dollar", "/SMS_DP_SMSPKG%24/PS100015/x", VdirPlain, areaContent, "PS100015", "x"},
		{"drive letter", "/SMS_DP_SMSPKGd$/PS100015/x", VdirPlain, areaContent, "PS100015", "x"},
		{"no cert", "/NOCERT_SMS_DP_SMSPKG$/PS100015/x", VdirNoCert, areaContent, "PS100015", "x"},
		{"token", "/ccmtokenauth_sms_dp_smspkg$/PS100015/x", VdirToken, areaContent, "PS100015", "x"},
		{"token signature", "/CCMTOKENAUTH_SMS_DP_SMSSIG$/PS100015.1.tar", VdirToken, areaSignature, "PS100015.1.tar", ""},
		{"odd name in the query", "/SMS_DP_SMSPKG$/P/sccm?/a;b&c+d%20e%25.exe", VdirPlain, areaContent, "P", "a;b&c+d e%.exe"},
		{"bare percent", "/SMS_DP_SMSPKG$/P/sccm?/100%.exe", VdirPlain, areaContent, "P", "100%.exe"},
		{"question mark in the query", "/SMS_DP_SMSPKG$/P/sccm?/a?b", VdirPlain, areaContent, "P", "a?b"},
		{"query of a direct path", "/SMS_DP_SMSPKG$/P/a?b=c", VdirPlain, areaContent, "P", "a"},
		{"file named sccm", "/SMS_DP_SMSPKG$/P/sub/sccm?x", VdirPlain, areaContent, "P", "sub/sccm"},
		{"backslashes", `/SMS_DP_SMSPKG$/P/sccm?\a\b`, VdirPlain, areaContent, "P", "a/b"},
		{"empty and dot segments", "/SMS_DP_SMSPKG$//P/./a//b", VdirPlain, areaContent, "P", "a/b"},
		{"root", "/SMS_DP_SMSPKG$", VdirPlain, areaContent, "", ""},
		{"data library", "/SMS_DP_SMSPKG$/Datalib", VdirPlain, areaDataLib, "Datalib", ""},
		{"package library", "/SMS_DP_SMSPKG$/PkgLib/P.INI", VdirPlain, areaPkgLib, "PkgLib", "P.INI"},
		{"file library", "/SMS_DP_SMSPKG$/filelib/ABCD/ABCDEF", VdirPlain, areaFileLib, "filelib", "ABCD/ABCDEF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseTarget(tt.raw)
			if err != nil || got.vdir != tt.vdir || got.area != tt.area || got.segment != tt.segment || got.rel != tt.rel {
				t.Errorf("parseTarget(%q) = %+v, %v", tt.raw, got, err)
			}
		})
	}
	bad := map[string]error{
		"/":                                      errNotVdir,
		"":                                       errNotVdir,
		"/other/P/a":                             errNotVdir,
		"/SMS_DP_SMSPKGXY$/P/a":                  errNotVdir,
		"/SMS_DP_SMSPKG/P/a":                     errNotVdir,
		"/SMS_DP_SMSSIGC$/P/a":                   errNotVdir,
		"/NOCERT_CCMTOKENAUTH_SMS_DP_SMSPKG$/P":  errNotVdir,
		"/SMS_DP_SMSPKG$/P/../Q/a":               errClimbs,
		"/SMS_DP_SMSPKG$/P/sccm?/../a":           errClimbs,
		`/SMS_DP_SMSPKG$/P/sccm?/a\%2e%2e\b`:     errClimbs,
		"http://dp":                              errNotVdir,
		"http://dp?/SMS_DP_SMSPKG$/P/sccm?/../a": errNotVdir,
	}
	for raw, want := range bad {
		if got, err := parseTarget(raw); !errors.Is(err, want) {
			t.Errorf("parseTarget(%q) = %+v, %v, want %v", raw, got, err, want)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("/SMS_DP_SMSPKG$/PS100015/sccm?/a%20b")
	f.Add("http://h/ccmtokenauth_sms_dp_smssig$/x.1.tar")
	f.Add(`/SMS_DP_SMSPKG%24/P\a\..\b?x`)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parseTarget(raw)
		if err != nil {
			return
		}
		for part := range strings.SplitSeq(got.rel, "/") {
			if part == ".." || part == "." || part == "" && got.rel != "" || strings.Contains(part, `\`) {
				t.Fatalf("parseTarget(%q).rel = %q", raw, got.rel)
			}
		}
	})
}
