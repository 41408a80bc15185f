package upstream

import "slices"

// walk goes through the candidates of one round, each once, asking their health only when their turn has come.
type walk struct {
	left []*location
	// firm is asked in its turn even when it failed a moment ago. Nil is legal.
	firm *location
}

// next returns the location to ask now, nil when each has had its turn: the first that is ready, then the first that failed
// a moment ago, then the first whose breaker is open.
func (w *walk) next() *location {
	best, bestRank := -1, tripped+1
	for i, loc := range w.left {
		r := loc.health.rank()
		if r == suspect && loc == w.firm {
			r = ready
		}
		if r < bestRank {
			best, bestRank = i, r
		}
		if bestRank == ready {
			break
		}
	}
	if best < 0 {
		return nil
	}
	loc := w.left[best]
	w.left = slices.Delete(w.left, best, best+1)
	return loc
}
