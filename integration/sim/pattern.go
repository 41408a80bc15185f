package sim

import "encoding/binary"

const (
	patternSize = 1 << 20
	patternMask = patternSize - 1
)

// pattern makes the bytes of generated files: one block of noise, XORed with a key that depends on the file's seed and on
// the number of the block. It costs one pass over memory, and yet a block that is swapped, shifted or taken from another
// file differs in every 8-byte word.
type pattern struct {
	noise []byte
}

func newPattern() *pattern {
	p := &pattern{noise: make([]byte, patternSize)}
	for i := 0; i < patternSize; i += 8 {
		binary.LittleEndian.PutUint64(p.noise[i:], mix(uint64(i)))
	}
	return p
}

// fill writes the bytes that the file with this seed has from off on.
func (p *pattern) fill(dst []byte, seed uint64, off int64) {
	for len(dst) > 0 {
		in := int(off & patternMask)
		n := min(len(dst), patternSize-in)
		key := mix(seed ^ mix(uint64(off/patternSize)+0x51ed2701))
		xorKey(dst[:n], p.noise[in:in+n], key, in&7)
		dst, off = dst[n:], off+int64(n)
	}
}

// xorKey sets dst to src XOR the repeated key. phase is the number of key bytes that the block's earlier bytes used up.
func xorKey(dst, src []byte, key uint64, phase int) {
	key = key>>(8*phase) | key<<(64-8*phase)
	src = src[:len(dst)]
	for len(dst) >= 32 {
		s, d := src[:32:32], dst[:32:32]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(s[0:])^key)
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(s[8:])^key)
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(s[16:])^key)
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(s[24:])^key)
		dst, src = dst[32:], src[32:]
	}
	for i := range dst {
		dst[i] = src[i] ^ byte(key>>(8*(i&7)))
	}
}

// mix is the finalizer of SplitMix64: every bit of x changes about half of the bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
