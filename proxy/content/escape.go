package content

import "strings"

// escapeRule says what a "%" without two hex digits behind it means.
type escapeRule bool

const (
	// strict: it makes the text invalid. This is the rule of a URL path (RFC 3986, section 2.1).
	strict escapeRule = true
	// lenient: it is a percent sign. How BITS escapes the query of the sccm?/ form is not public, and a file may be named
	// "100%.exe".
	lenient escapeRule = false
)

// requestBytes says whether raw has only bytes that may stand in a request line: no controls and no spaces.
func requestBytes(raw string) bool {
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] == 0x7f {
			return false
		}
	}
	return true
}

// unescape decodes percent-escapes once. It never turns "+" into a space: that is a habit of HTML forms, not of URLs.
func unescape(s string, rule escapeRule) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		b, ok := escaped(s[i:])
		switch {
		case ok:
			i += 2
		case s[i] == '%' && rule == strict:
			return "", false
		default:
			b = s[i]
		}
		out.WriteByte(b)
	}
	return out.String(), true
}

// escaped returns the byte that the escape at the start of s stands for.
func escaped(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, ok1 := hexDigit(s[1])
	low, ok2 := hexDigit(s[2])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
