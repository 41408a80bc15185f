package content

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, raw := range []string{
		"/SMS_DP_SMSPKG%24/PS100015/sccm?/a;b&c.exe",
		"/CCMTOKENAUTH_SMS_DP_SMSPKGD$/Content_" + guid + ".1/a%2520b",
		"/nocert_sms_dp_smssig$/" + guid + ".1.tar",
		"/SMS_DP_SMSPKG$/" + guid + `/sccm?\a%5c..%2f100%.exe`,
		"/SMS_DP_SMSPKG$/PS100015/sccm?/%25252e%2e%u002e/%c0%ae",
	} {
		f.Add("http", "DP1:80", raw, uint64(1))
	}
	f.Add("https", "[::1]", "/SMS_DP_SMSPKG$/12300005.1/Ä/ﬁ", uint64(2))
	f.Fuzz(func(t *testing.T, scheme, host, raw string, seed uint64) {
		target, ok := Parse(scheme, host, raw)
		if !ok {
			if target.Raw != "" || target.Host != "" || target.ID != (ID{}) {
				t.Errorf("not content, and yet %+v", target.ID)
			}
			return
		}
		checkTarget(t, target, raw)
		checkAgain(t, target, speller{rand.New(rand.NewPCG(seed, 0))})
	})
}

func checkTarget(t *testing.T, target Target, raw string) {
	t.Helper()
	id := target.ID
	if target.Raw != raw {
		t.Errorf("Raw = %q, want %q", target.Raw, raw)
	}
	if id.Path == "" || !utf8.ValidString(id.Path) || id.Path != foldName(id.Path) || strings.ContainsAny(id.Path, "\\\x00:?*") {
		t.Errorf("Path = %q", id.Path)
	}
	for name := range strings.SplitSeq(id.Path, "/") {
		if name == "" || name == "." || strings.Trim(name, ". ") == "" {
			t.Errorf("Path = %q has the segment %q", id.Path, name)
		}
	}
	if s := shapeOf(id.Content); s == unknownShape || id.Share == Signature && s != versioned {
		t.Errorf("Content = %q", id.Content)
	}
	if strings.ContainsAny(target.Host, "/@ ") || target.Host != strings.ToLower(target.Host) {
		t.Errorf("Host = %q", target.Host)
	}
}

// checkAgain parses other spellings of the same file: the one with another alias, and one made from the ID alone.
func checkAgain(t *testing.T, target Target, s speller) {
	t.Helper()
	for _, v := range []Vdir{Plain, NoCert, TokenAuth} {
		again, ok := Parse(target.Scheme, target.Host, target.WithVdir(v))
		if !ok || again.ID != target.ID || again.Vdir != v || again.Host != target.Host {
			t.Errorf("%q WithVdir(%v) = %q: %+v, %v", target.Raw, v, target.WithVdir(v), again.ID, ok)
		}
		back, ok := Parse(target.Scheme, target.Host, again.WithVdir(target.Vdir))
		if !ok || back.ID != target.ID || back.WithVdir(Plain) != target.WithVdir(Plain) {
			t.Errorf("%q there and back is %q", target.Raw, back.Raw)
		}
	}
	if target.ID.Share == Signature {
		return
	}
	if again, ok := Parse("http", "dp2", s.exact(target.ID)); !ok || again.ID != target.ID {
		t.Errorf("Parse(%q) = %+v, %v, want %+v", s.exact(target.ID), again.ID, ok, target.ID)
	}
}
