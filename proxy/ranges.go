package proxy

import (
	"math"
	"strconv"
	"strings"
)

// maxRanges is how many ranges one request may ask for. BITS lets a user have 500 a file, and a service as many as it
// likes (win32 docs, AddFileWithRanges).
const maxRanges = 4096

// requested is what a Range header asks for, as far as it is known before the size of the file is.
type requested struct {
	// valid says that the header is absent or can be understood. Otherwise it is to be ignored.
	valid bool
	// offset and length are the first range, as in cache.Use: length is -1 to the end of the file. An offset below zero counts
	// from the end: the size must be known first, so length is 0.
	offset, length int64
}

// parseRange reads a Range header (RFC 9110, section 14.1.2).
func parseRange(header string) requested {
	whole := requested{valid: true, length: -1}
	if header == "" {
		return whole
	}
	bad := requested{length: -1}
	set, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return bad
	}
	specs := strings.Split(set, ",")
	if len(specs) > maxRanges {
		return bad
	}
	first, seen := whole, false
	for _, spec := range specs {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue
		}
		offset, length, ok := parseSpec(spec)
		if !ok {
			return bad
		}
		if !seen {
			first, seen = requested{valid: true, offset: offset, length: length}, true
		}
	}
	if !seen {
		return bad
	}
	return first
}

// parseSpec reads one of "a-b", "a-" and "-n".
func parseSpec(spec string) (offset, length int64, ok bool) {
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return 0, 0, false
	}
	from, to = strings.Trim(from, " \t"), strings.Trim(to, " \t")
	if from == "" {
		n, ok := parseOffset(to)
		return -n, 0, ok && n > 0 // net/http would answer "the last 0 bytes" with an impossible Content-Range
	}
	offset, ok = parseOffset(from)
	if !ok || to == "" {
		return offset, -1, ok
	}
	last, ok := parseOffset(to)
	if !ok || last < offset {
		return 0, 0, false
	}
	return offset, min(last-offset, math.MaxInt64-1) + 1, true
}

// parseOffset reads digits only: strconv alone would take a sign.
func parseOffset(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
