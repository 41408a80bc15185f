package precache

import "branchpoint/cache"

// step is the size of the slices in which the cache keeps a file. Whether one is there is looked up for each by itself.
const step = 1 << 20

// tally knows which slices of a file are in the cache. The cache fetches a large file in several places side by side, so
// that how far it has been read says little of how much is there.
type tally struct {
	reader *cache.Reader
	size   int64
	have   []bool
	stored int64 // bytes of those
}

// newTally looks at all of a file.
func newTally(r *cache.Reader) *tally {
	size := r.Info().Size
	t := &tally{reader: r, size: size, have: make([]bool, (size+step-1)/step)}
	t.lookAt(0, len(t.have))
	return t
}

// lookAt finds out which of the slices from first up to end are there by now.
func (t *tally) lookAt(first, end int) {
	for i := first; i < min(end, len(t.have)); i++ {
		if t.have[i] {
			continue
		}
		from, to := t.span(i)
		if present, _ := t.reader.Has(from, to-from); present {
			t.have[i] = true
			t.stored += to - from
		}
	}
}

// span is where a slice begins and ends.
func (t *tally) span(i int) (from, to int64) {
	from = int64(i) * step
	return from, min(from+step, t.size)
}

// gap returns the first stretch from off on, where a slice begins, that is not there; an empty one at the end of the file
// when everything is.
func (t *tally) gap(off int64) (from, to int64) {
	i := int(off / step)
	for i < len(t.have) && t.have[i] {
		i++
	}
	end := i
	for end < len(t.have) && !t.have[end] {
		end++
	}
	return min(int64(i)*step, t.size), min(int64(end)*step, t.size)
}
