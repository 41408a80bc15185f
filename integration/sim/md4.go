package sim

import (
	"encoding/binary"
	"math/bits"
)

// md4 is RFC 1320. NTLM passwords and RDC signatures are made of it; it is in no package that we use otherwise.
func md4(data []byte) [16]byte {
	state := [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	whole := len(data) &^ 63
	for i := 0; i < whole; i += 64 {
		md4Block(&state, data[i:i+64])
	}
	tail := append(make([]byte, 0, 128), data[whole:]...)
	tail = append(tail, 0x80)
	for len(tail)%64 != 56 {
		tail = append(tail, 0)
	}
	tail = binary.LittleEndian.AppendUint64(tail, uint64(len(data))*8)
	for i := 0; i < len(tail); i += 64 {
		md4Block(&state, tail[i:i+64])
	}
	var sum [16]byte
	for i, s := range state {
		binary.LittleEndian.PutUint32(sum[4*i:], s)
	}
	return sum
}

// md4Block is section 3.4 of the RFC: three rounds of sixteen steps, in each of which the four words change their roles.
func md4Block(state *[4]uint32, block []byte) {
	var x [16]uint32
	for i := range x {
		x[i] = binary.LittleEndian.Uint32(block[4*i:])
	}
	a, b, c, d := state[0], state[1], state[2], state[3]
	for i := range 16 {
		f := b&c | ^b&d
		a, b, c, d = d, bits.RotateLeft32(a+f+x[i], [4]int{3, 7, 11, 19}[i&3]), b, c
	}
	for i := range 16 {
		g := b&c | b&d | c&d
		k := i>>2 | i&3<<2
		a, b, c, d = d, bits.RotateLeft32(a+g+x[k]+0x5a827999, [4]int{3, 5, 9, 13}[i&3]), b, c
	}
	for i := range 16 {
		h := b ^ c ^ d
		k := bits.Reverse8(uint8(i)) >> 4
		a, b, c, d = d, bits.RotateLeft32(a+h+x[k]+0x6ed9eba1, [4]int{3, 9, 11, 15}[i&3]), b, c
	}
	state[0] += a
	state[1] += b
	state[2] += c
	state[3] += d
}
