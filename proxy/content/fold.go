package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// foldName lowers the letters whose case NTFS ignores. NTFS compares names through the $UpCase table of the volume, one
// UTF-16 unit at a time, and the table is as old as the Windows that formatted the volume. So only those pairs are folded
// that are in every known table (ntfs-3g, ntfs_upcase_table_build: the tables of XP and of Vista). A pair that we leave
// out costs a second copy of a file; a pair too many would give two files one ID.
func foldName(name string) string { return strings.Map(foldRune, name) }

// foldRune lowers one letter. The way back must lead to the same letter: that leaves out the Kelvin sign, the dotted I,
// the sharp S and the titlecase digraphs, which Unicode lowers to letters that NTFS holds apart from them.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}
	if !settledAlphabet(r) {
		return r
	}
	if lower := unicode.ToLower(r); unicode.ToUpper(lower) == r {
		return lower
	}
	return r
}

// settledAlphabet holds the capitals of the alphabets whose pairs have been in $UpCase from the start.
func settledAlphabet(r rune) bool {
	switch {
	case 0x00c0 <= r && r <= 0x00de, // Latin-1
		0x0100 <= r && r <= 0x017d,                // Latin Extended-A
		0x0386 <= r && r <= 0x03ab,                // Greek
		0x0401 <= r && r <= 0x042f && r != 0x040d, // Cyrillic
		0x0460 <= r && r <= 0x0480, 0x0490 <= r && r <= 0x04be,
		0x0531 <= r && r <= 0x0556, // Armenian
		0x1e00 <= r && r <= 0x1e94, // Latin Extended Additional
		0x1ea0 <= r && r <= 0x1ef8,
		0xff21 <= r && r <= 0xff3a: // full-width Latin
		return true
	}
	return false
}
