package sim

import (
	"fmt"
	"strings"
)

// parseContentRange understands "bytes a-b/total" (RFC 9110 section 14.4). An unknown total is refused: BITS needs it.
func parseContentRange(header string) (s span, total int64, err error) {
	bad := fmt.Errorf("content range %q is not understood", header)
	text, found := strings.CutPrefix(header, "bytes ")
	rng, size, slash := strings.Cut(text, "/")
	from, to, dash := strings.Cut(rng, "-")
	first, ok1 := parseDigits(from)
	last, ok2 := parseDigits(to)
	total, ok3 := parseDigits(size)
	if !found || !slash || !dash || !ok1 || !ok2 || !ok3 || first > last || last >= total {
		return span{}, 0, bad
	}
	return span{first, last - first + 1}, total, nil
}
