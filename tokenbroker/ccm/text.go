package ccm

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// byteOrderMark is U+FEFF in UTF-16, little end first. Envelopes begin with it, bodies do not.
const byteOrderMark = "\xff\xfe"

const errNotText = flaw("the text is neither UTF-16 nor UTF-8")

// encodeText returns s in UTF-16, little end first, without byte order mark and without terminator.
func encodeText(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			out = binary.LittleEndian.AppendUint16(out, uint16(hi))
			r = lo
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(r))
	}
	return out
}

// encodeTerminated is encodeText with the two zero bytes that end a body and most of what is signed.
func encodeTerminated(s string) []byte { return append(encodeText(s), 0, 0) }

// decodeText returns the text of b: UTF-16, little end first, up to the first U+0000. A byte order mark is dropped. What
// follows the terminator does not count: public tools send a line break there, in bytes and not in UTF-16.
func decodeText(b []byte) (string, error) {
	if len(b) >= len(byteOrderMark) && string(b[:2]) == byteOrderMark {
		b = b[2:]
	}
	units := make([]uint16, 0, len(b)/2)
	for len(b) >= 2 {
		unit := binary.LittleEndian.Uint16(b)
		if unit == 0 {
			return trimText(utf16.Decode(units)), nil
		}
		units, b = append(units, unit), b[2:]
	}
	if len(b) != 0 {
		return "", errNotText
	}
	return trimText(utf16.Decode(units)), nil
}

func trimText(runes []rune) string { return strings.TrimSpace(string(runes)) }

// decodeAny returns the text of b where nothing says which encoding it has, as for the answers to GET: UTF-16, little end
// first, by its byte order mark or by the zero byte after an ASCII character, or else UTF-8.
func decodeAny(b []byte) (string, error) {
	if len(b) >= 2 && (string(b[:2]) == byteOrderMark || b[0] != 0 && b[1] == 0) {
		return decodeText(b)
	}
	text := strings.TrimRight(strings.TrimPrefix(string(b), "\ufeff"), "\x00")
	if !utf8.ValidString(text) {
		return "", errNotText
	}
	return strings.TrimSpace(text), nil
}
