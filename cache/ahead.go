package cache

// trail remembers where the last ranges of an object ended. BITS asks for a file in blocks: a range that begins at the very
// byte where another one ended is the next step of such a download, and what follows it will be asked for soon. Fetching
// that beforehand keeps the line busy; a range anywhere else gets what it asked for and no more.
type trail struct {
	ends [64]int64
	next int
}

// note remembers that a range ended before the byte at end.
func (t *trail) note(end int64) {
	if t.follows(end) {
		return
	}
	t.ends[t.next] = end
	t.next = (t.next + 1) % len(t.ends)
}

// follows tells whether a range that begins at off continues another one.
func (t *trail) follows(off int64) bool {
	if off == 0 {
		return false
	}
	for _, end := range t.ends {
		if end == off {
			return true
		}
	}
	return false
}
