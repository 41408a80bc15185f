package sim

import (
	"math"
	"strconv"
	"strings"
)

// span is a stretch of a file: length bytes from start on.
type span struct{ start, length int64 }

func (s span) end() int64 { return s.start + s.length }

// parseRange understands a Range header for a file of the given size (RFC 9110 section 14.2). ok is false when the header
// is absent or malformed: IIS then sends the whole file. With ok and no spans, no part of the file was asked for: 416.
// Spans keep the order in which they were asked for, and are not joined.
func parseRange(header string, size int64) (spans []span, ok bool) {
	unit, set, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, false
	}
	some := false
	for part := range strings.SplitSeq(set, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue // a list may have empty elements (RFC 9110 section 5.6.1)
		}
		s, valid := parseSpec(part, size)
		if !valid {
			return nil, false
		}
		some = true
		if s.length > 0 {
			spans = append(spans, s)
		}
	}
	return spans, some
}

// parseSpec understands "a-b", "a-" or "-n". A span of length zero is valid, but nothing of the file.
func parseSpec(spec string, size int64) (s span, valid bool) {
	from, to, found := strings.Cut(spec, "-")
	if !found || from == "" && to == "" {
		return span{}, false
	}
	first, okFirst := parseDigits(from)
	last, okLast := parseDigits(to)
	switch {
	case from == "":
		n := min(last, size)
		return span{size - n, n}, okLast
	case !okFirst:
		return span{}, false
	case to == "":
		last = math.MaxInt64
	case !okLast || last < first:
		return span{}, false
	}
	if first >= size {
		return span{}, true
	}
	return span{first, min(last, size-1) - first + 1}, true
}

// parseDigits reads a number that has digits only. One too large for an int64 is as large as an int64 can be.
func parseDigits(s string) (n int64, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}
