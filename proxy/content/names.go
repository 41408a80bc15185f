package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// notInNames are the characters that no Windows file name has ("Naming Files, Paths, and Namespaces", win32 docs), besides
// the separators and the controls. ":" would open an alternate data stream, "?" would be a second query.
const notInNames = `"*:<>?|`

// dots are characters that are a dot, look like dots, or become dots when a server converts Unicode to a code page, and
// the space, which Win32 strips beside a dot.
const dots = ". \u2024\u2025\u2026\ufe52\uff0e"

// splitNames turns decoded text, which must begin with a separator, into folded names. It refuses text that names a
// directory, climbs, or holds what no Windows file name can hold.
func splitNames(decoded string) ([]string, bool) {
	if decoded == "" || !separator(rune(decoded[0])) || !utf8.ValidString(decoded) || hidesMore(decoded) {
		return nil, false
	}
	parts := strings.FieldsFunc(decoded, separator)
	if len(parts) == 0 || parts[len(parts)-1] == "." || separator(rune(decoded[len(decoded)-1])) {
		return nil, false // a directory
	}
	names := parts[:0]
	for _, part := range parts {
		if part == "." {
			continue
		}
		if !fileName(part) {
			return nil, false
		}
		names = append(names, foldName(part))
	}
	return names, true
}

func separator(r rune) bool { return r == '/' || r == '\\' }

// fileName says whether Windows can have a file or a folder of that name. A dot or a space at the end is refused because
// Win32 drops it: "a.exe." would be another spelling of "a.exe" there, and ".. " one of "..".
func fileName(name string) bool {
	return !strings.ContainsFunc(name, unicode.IsControl) && !strings.ContainsAny(name, notInNames) &&
		!strings.HasSuffix(name, ".") && !strings.HasSuffix(name, " ") && !climbs(name)
}

// climbs says whether a segment is, or may be taken for, "..".
func climbs(segment string) bool {
	return segment != "" && segment != "." && strings.Trim(segment, dots) == ""
}

// maxLayers is how many further layers of percent-encoding are looked through. Nobody encodes a name that often in good
// faith.
const maxLayers = 4

// hidesMore says whether decoded text would climb, hold a control character or stop being UTF-8 if a server decoded it
// again, or uses the %uXXXX escapes of IIS. Such text keeps its own ID by the rule of one decoding, but a DP that
// decodes once more would read another path than we do.
func hidesMore(decoded string) bool {
	for range maxLayers {
		if wideEscape(decoded) {
			return true
		}
		next, _ := unescape(decoded, lenient)
		if next == decoded {
			return false
		}
		if !utf8.ValidString(next) || strings.ContainsFunc(next, unicode.IsControl) || anyClimbs(next) {
			return true
		}
		decoded = next
	}
	return true
}

func anyClimbs(text string) bool {
	for part := range strings.FieldsFuncSeq(text, separator) {
		if climbs(part) {
			return true
		}
	}
	return false
}

// wideEscape finds %uXXXX.
func wideEscape(s string) bool {
	for i := 0; i+6 <= len(s); i++ {
		if s[i] != '%' || upperASCII(s[i+1]) != 'U' {
			continue
		}
		_, first := escaped("%" + s[i+2:i+4])
		_, second := escaped("%" + s[i+4:i+6])
		if first && second {
			return true
		}
	}
	return false
}
