package content

import (
	"testing"
	"unicode"
)

// upcase is what $UpCase does to one unit, for the alphabets that we fold, written down by the distance between small
// and capital letters and not by asking the Unicode tables.
func upcase(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 0xe0 <= r && r <= 0xfe && r != 0xf7, 0x3b1 <= r && r <= 0x3cb && r != 0x3c2,
		0x430 <= r && r <= 0x44f, 0xff41 <= r && r <= 0xff5a:
		return r - 32
	case r == 0xff:
		return 0x178
	case r == 0x3ac:
		return 0x386
	case 0x3ad <= r && r <= 0x3af:
		return r - 37
	case r == 0x3cc:
		return 0x38c
	case r == 0x3cd, r == 0x3ce:
		return r - 63
	case 0x451 <= r && r <= 0x45f && r != 0x45d:
		return r - 80
	case 0x561 <= r && r <= 0x586:
		return r - 48
	}
	return upcasePair(r)
}

// upcasePair covers the stretches in which capital and small letters alternate.
func upcasePair(r rune) rune {
	for _, stretch := range [][2]rune{{0x100, 0x12f}, {0x132, 0x137}, {0x139, 0x148}, {0x14a, 0x177}, {0x179, 0x17e},
		{0x460, 0x481}, {0x490, 0x4bf}, {0x1e00, 0x1e95}, {0x1ea0, 0x1ef9}} {
		if stretch[0] <= r && r <= stretch[1] && (r-stretch[0])%2 == 1 {
			return r - 1
		}
	}
	return r
}

func TestFoldIsWhatNTFSFolds(t *testing.T) {
	folded := 0
	for r := range rune(unicode.MaxRune + 1) {
		low := foldRune(r)
		if low == r {
			continue
		}
		folded++
		if upcase(low) != r || upcase(r) != r {
			t.Errorf("%U folds to %U, whose capital is %U", r, low, upcase(low))
		}
		if foldRune(low) != low {
			t.Errorf("%U folds to %U, which folds on", r, low)
		}
	}
	for r := range rune(0x10000) {
		if up := upcase(r); up != r && foldRune(up) != r {
			t.Errorf("%U has the capital %U, which is not folded", r, up)
		}
	}
	if folded < 26 {
		t.Errorf("%d letters are folded", folded)
	}
}

// TestFoldKeepsApart names the letters that Unicode lowers to one letter and NTFS does not.
func TestFoldKeepsApart(t *testing.T) {
	for name, pair := range map[string][2]string{
		"Kelvin sign":       {"\u212a", "k"},
		"Angstrom sign":     {"\u212b", "å"},
		"Ohm sign":          {"\u2126", "ω"},
		"long s":            {"ſ", "s"},
		"dotless i":         {"ı", "i"},
		"dotted I":          {"İ", "i"},
		"sharp S":           {"ẞ", "ß"},
		"sharp s and ss":    {"ß", "ss"},
		"final sigma":       {"ς", "σ"},
		"micro sign":        {"µ", "μ"},
		"titlecase digraph": {"ǅ", "ǆ"},
		"normal forms":      {"a\u0308", "ä"},
		"Deseret":           {"\U00010400", "\U00010428"},
		"Georgian":          {"\u1c90", "\u10d0"},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := foldName(pair[0]), foldName(pair[1]); a == b {
				t.Errorf("%q and %q both fold to %q", pair[0], pair[1], a)
			}
		})
	}
}
