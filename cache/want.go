package cache

// aheadBytes bounds one stretch that a reader sends before it looks ahead again.
const aheadBytes = 16 * sliceBytes

// readable returns up to where the bytes from off on can be read without waiting; off when there is none. b.mu is held.
func (b *blob) readable(off, end int64) int64 {
	to := off
	end = min(end, off+aheadBytes)
	for to < end {
		i := sliceOf(to)
		if b.checked.has(i) {
			_, last := sliceSpan(i, b.e.info.Size)
			to = min(last, end)
			continue
		}
		if f := b.owner[i]; f != nil && f.next == i && f.off > to {
			to = min(f.off, end)
		}
		break
	}
	return to
}

// want claims what a reader at off that will read up to end should have fetched, and returns the fills to launch.
// b.mu is held.
func (b *blob) want(off, end int64, src Source) []*fill {
	if b.gone != nil || b.c.ctx.Err() != nil {
		return nil
	}
	if b.sequential {
		return b.wantWhole(off, src)
	}
	p := planner{
		free:      b.free,
		perWindow: sliceCount(b.c.limits.Load().windowBytes),
		windows:   b.c.limits.Load().parallelWindows,
		running:   b.running,
	}
	var fills []*fill
	for _, w := range p.plan(sliceOf(off), sliceOf(end-1)+1) {
		fills = append(fills, b.claim(w, src))
	}
	return fills
}

// wantWhole claims everything that is missing, for one fill that passes over the object from its start.
func (b *blob) wantWhole(off int64, src Source) []*fill {
	if b.running > 0 || !b.free(sliceOf(off)) {
		return nil
	}
	return []*fill{b.claim(window{0, b.n}, src)}
}

func (b *blob) free(slice int) bool { return !b.present.has(slice) && b.owner[slice] == nil }
