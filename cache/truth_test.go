package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// truth is an object of any size whose bytes are known without being stored. Its period has no factor in common with a
// slice, so that a slice in the wrong place never looks right.
type truth struct {
	block []byte
	info  Info
}

// truthPeriod is a prime a little above 256 Ki.
const truthPeriod = 262147

func newTruth(seed uint64, size int64) truth {
	rng := rand.New(rand.NewPCG(seed, 1))
	block := make([]byte, truthPeriod+8)
	for i := 0; i < truthPeriod; i += 8 {
		binary.LittleEndian.PutUint64(block[i:], rng.Uint64())
	}
	block = block[:truthPeriod]
	modified := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seed) * time.Minute)
	return truth{block: block, info: Info{
		Size: size, LastModified: modified, ETag: fmt.Sprintf("%q", fmt.Sprint(seed)), ContentType: "application/octet-stream",
	}}
}

// fill puts the bytes from off on into p.
func (t truth) fill(p []byte, off int64) {
	for len(p) > 0 {
		n := copy(p, t.block[off%truthPeriod:])
		p, off = p[n:], off+int64(n)
	}
}

// differs returns the first offset at which p is not what the object has from off on, -1 when there is none.
func (t truth) differs(p []byte, off int64) int64 {
	for len(p) > 0 {
		n := min(len(p), truthPeriod-int(off%truthPeriod))
		want := t.block[off%truthPeriod:][:n]
		if !bytes.Equal(p[:n], want) {
			for i := range n {
				if p[i] != want[i] {
					return off + int64(i)
				}
			}
		}
		p, off = p[n:], off+int64(n)
	}
	return -1
}

// judge is a writer that compares what it gets with the truth.
type judge struct {
	t   truth
	off int64
}

func (j *judge) Write(p []byte) (int, error) {
	if j.off+int64(len(p)) > j.t.info.Size {
		return 0, fmt.Errorf("bytes beyond the end of the object")
	}
	if at := j.t.differs(p, j.off); at >= 0 {
		return 0, fmt.Errorf("the byte at %d is wrong", at)
	}
	j.off += int64(len(p))
	return len(p), nil
}
