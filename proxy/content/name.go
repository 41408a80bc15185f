package content

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name is the ID as one line of printable text, the same for equal IDs and different for different ones:
// hierarchy/share/content/path. It is the key in the cache. It holds nothing secret.
func (id ID) Name() string {
	return id.Group() + "/" + printable(id.Path, "")
}

// Group names what changes together: all files of one content ID in one share of one hierarchy.
func (id ID) Group() string {
	return printable(id.Hierarchy, "/") + "/" + id.Share.String() + "/" + printable(id.Content, "/")
}

// Mutable says whether the bytes behind the ID may change: true for the files of a bare package ID such as ps100015,
// whose URL has no version, and for blobs, whose names nobody has promised anything of. Everything else names a version, or
// gets a new guid with each new binary.
func (id ID) Mutable() bool {
	return id.Share == Blob || id.Share == Package && shapeOf(id.Content) == barePackage
}

// printable percent-encodes each byte of what would not print, of spaces, of "%" and of the characters in also. The
// result tells everything about s, so different texts stay different.
func printable(s, also string) string {
	if printsAsIs(s, also) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		broken := r == utf8.RuneError && width == 1
		if broken || r == '%' || r == ' ' || !unicode.IsPrint(r) || strings.ContainsRune(also, r) {
			for _, b := range []byte(s[i : i+width]) {
				fmt.Fprintf(&out, "%%%02X", b)
			}
		} else {
			out.WriteString(s[i : i+width])
		}
		i += width
	}
	return out.String()
}

// printsAsIs tells whether all of s is ASCII that printable leaves alone, as most names are.
func printsAsIs(s, also string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '%' || strings.IndexByte(also, c) >= 0 {
			return false
		}
	}
	return true
}
