package upstream

import (
	"math"
	"strings"
)

// contentRange is a range of bytes that a server says it sends: first and last byte, and the size of the whole.
type contentRange struct{ first, last, total int64 }

// parseContentRange reads "bytes first-last/total" (RFC 9110 §14.4). It is strict: a total of "*" is of no use to us, and
// whatever else deviates comes from something that cannot be trusted with offsets.
func parseContentRange(text string) (contentRange, bool) {
	unit, rest, ok := strings.Cut(text, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, false
	}
	span, total, ok := strings.Cut(rest, "/")
	if !ok {
		return contentRange{}, false
	}
	first, last, ok := strings.Cut(span, "-")
	if !ok {
		return contentRange{}, false
	}
	var r contentRange
	for _, part := range []struct {
		text string
		to   *int64
	}{{first, &r.first}, {last, &r.last}, {total, &r.total}} {
		if *part.to, ok = parseDigits(part.text); !ok {
			return contentRange{}, false
		}
	}
	return r, r.first <= r.last && r.last < r.total
}

// parseDigits reads a number that is made of digits and nothing else, and fits.
func parseDigits(text string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	var n int64
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
