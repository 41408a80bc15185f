package cache

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSliceArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	sizes := []int64{0, 1, sliceBytes - 1, sliceBytes, sliceBytes + 1, 1<<32 - 1, 1 << 32, 1<<32 + 1, maxSize}
	for range 200 {
		sizes = append(sizes, rng.Int64N(1<<36))
	}
	for _, size := range sizes {
		n := sliceCount(size)
		if n > 0 {
			if _, to := sliceSpan(n-1, size); to != size {
				t.Errorf("the last slice of %d bytes ends at %d", size, to)
			}
		}
		for range 20 {
			if size == 0 {
				break
			}
			off := rng.Int64N(size)
			i := sliceOf(off)
			if from, to := sliceSpan(i, size); off < from || off >= to || to-from > sliceBytes || i >= n {
				t.Errorf("byte %d of %d is said to be in slice %d [%d, %d) of %d", off, size, i, from, to, n)
			}
		}
	}
}

// count returns how many of the first n slices are in the set.
func (b bits) count(n int) int {
	k := 0
	for i := range n {
		if b.has(i) {
			k++
		}
	}
	return k
}

func TestBitsAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 50 {
		n := 1 + rng.IntN(70)
		b, model := newBits(n), map[int]bool{}
		for range 200 {
			i := rng.IntN(n)
			if rng.IntN(2) == 0 {
				b.set(i)
				model[i] = true
			} else {
				b.clear(i)
				delete(model, i)
			}
			if got := b.count(n); got != len(model) {
				t.Fatalf("%d of %d bits, want %d", got, n, len(model))
			}
			if j := rng.IntN(n); b.has(j) != model[j] {
				t.Fatalf("bit %d is %v", j, b.has(j))
			}
		}
	}
}

// A plan never asks for what is there or coming, never twice, never beyond the wish, in no window longer than allowed,
// always for the slice that is needed now; and looks ahead only while fewer windows run than may.
func TestPlansKeepTheirPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 20000 {
		n := 1 + rng.IntN(40)
		taken := newBits(n)
		for i := range n {
			if rng.IntN(3) == 0 {
				taken.set(i)
			}
		}
		p := planner{
			free:      func(i int) bool { return !taken.has(i) },
			perWindow: 1 + rng.IntN(6), windows: 1 + rng.IntN(5), running: rng.IntN(6),
		}
		first := rng.IntN(n)
		end := first + 1 + rng.IntN(n-first)
		got := p.plan(first, end)
		if want := naivePlan(p, first, end); !slices.Equal(flatten(got), want) {
			t.Fatalf("%+v from %d to %d: planned %v, want the slices %v", p, first, end, got, want)
		}
		for _, w := range got {
			if w.end-w.first > p.perWindow || w.end <= w.first {
				t.Fatalf("%+v: window %v", p, w)
			}
		}
	}
}

func flatten(windows []window) (all []int) {
	for _, w := range windows {
		for i := w.first; i < w.end; i++ {
			all = append(all, i)
		}
	}
	return all
}

// naivePlan walks slice by slice and starts a window where a free slice does not continue one.
func naivePlan(p planner, first, end int) (all []int) {
	started, length := 0, 0
	for i := first; i < end; i++ {
		if !p.free(i) {
			length = 0
			continue
		}
		if length == 0 || length == p.perWindow {
			tooFar := i >= first+p.perWindow*p.windows
			tooMany := i != first && p.running+started >= p.windows
			if tooFar || tooMany {
				return all
			}
			started, length = started+1, 0
		}
		length++
		all = append(all, i)
	}
	return all
}

func TestReadableAgainstAModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 5000 {
		n := 1 + rng.IntN(20)
		size := int64(n-1)*sliceBytes + 1 + rng.Int64N(sliceBytes)
		b := newBlob(nil, &entry{info: Info{Size: size}})
		there := make([]int64, n) // up to where each slice can be read
		for i := range n {
			from, to := sliceSpan(i, size)
			switch there[i] = from; rng.IntN(4) {
			case 0, 1:
				b.checked.set(i)
				there[i] = to
			case 2:
				b.owner[i] = &fill{next: i, off: from + rng.Int64N(to-from)}
				there[i] = b.owner[i].off
			default:
				b.owner[i] = &fill{next: i - 1, off: to} // it will come here, and has not yet
			}
		}
		off := rng.Int64N(size)
		end := off + 1 + rng.Int64N(size-off)
		want := off
		for i := sliceOf(off); want < min(end, off+aheadBytes); i++ {
			_, to := sliceSpan(i, size)
			want = max(want, there[i])
			if there[i] < to {
				break
			}
		}
		want = min(want, end, off+aheadBytes)
		if got := b.readable(off, end); got != want {
			t.Fatalf("from %d to %d of %d: readable to %d, want %d", off, end, size, got, want)
		}
	}
}
