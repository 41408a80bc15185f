package cache

// sliceBytes is the unit of filling, checking and recording. 1 MiB keeps a record of a 10 GiB image at 40 KiB of
// checksums, and costs a client that wants one byte less than a tenth of a second of a 100 Mbit/s line. Records carry it,
// so that a later change here does not misread older ones.
const sliceBytes = 1 << 20

// maxSize bounds what is believed of an object's size: an origin that lies about it must not cost much memory. The largest
// content of a site is an image of some ten GiB; the checksums of an object of 512 GiB take 2 MiB while it is open.
const maxSize = 512 << 30

// sliceOf returns the slice that holds the byte at off.
func sliceOf(off int64) int { return int(off / sliceBytes) }

// sliceCount returns how many slices an object of size bytes has.
func sliceCount(size int64) int { return int((size + sliceBytes - 1) / sliceBytes) }

// sliceSpan returns the bytes [from, to) of slice i in an object of size bytes.
func sliceSpan(i int, size int64) (from, to int64) {
	from = int64(i) * sliceBytes
	return from, min(from+sliceBytes, size)
}

// bits is a set of slices.
type bits []byte

func newBits(n int) bits { return make(bits, (n+7)/8) }

func (b bits) has(i int) bool { return b[i/8]&(1<<(i%8)) != 0 }
func (b bits) set(i int)      { b[i/8] |= 1 << (i % 8) }
func (b bits) clear(i int)    { b[i/8] &^= 1 << (i % 8) }

// window is a run of slices [first, end).
type window struct{ first, end int }

// planner says which windows of an object a reader should have fetched.
type planner struct {
	// free tells whether a slice is neither present nor being fetched.
	free func(slice int) bool
	// perWindow is how many slices one window may have; windows is how many of them are looked ahead; running is how many
	// are being fetched now.
	perWindow, windows, running int
}

// plan returns the windows to start for a reader that needs slice first now and will read up to slice end. The slice
// that it needs now is always fetched; what lies ahead only while fewer than p.windows are running.
func (p planner) plan(first, end int) []window {
	var starts []window
	horizon := min(end, first+p.perWindow*p.windows)
	for i := first; i < horizon; {
		if !p.free(i) {
			i++
			continue
		}
		if i != first && p.running+len(starts) >= p.windows {
			break
		}
		w := window{i, i + 1}
		for w.end < min(end, i+p.perWindow) && p.free(w.end) {
			w.end++
		}
		starts = append(starts, w)
		i = w.end
	}
	return starts
}
