package sim

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The container that SMS_DP_SMSSIG$ serves, as a published hex dump of sccm-http-looter shows it: headers of 512 bytes like
// those of tar, but with a checksum of zeros, so that tar programs refuse it; the size in octal at 124, the type at 156,
// "ustar" and two blanks at 257. Each member is a header of 24 bytes and a record for each chunk of the file: its MD4, and
// its length in 16 bits (MS-RDC section 3.1.5.2).

// findSignature serves "<id>.<version>.tar".
func (d *DP) findSignature(t target) (resource, bool) {
	segment, isTar := cutSuffixFold(t.segment, ".tar")
	v, ok := d.resolve(segment)
	if !isTar || !ok || t.rel != "" || !strings.EqualFold(v.Segment(), segment) {
		return resource{}, false
	}
	d.mu.Lock()
	data := d.signatures[v.Segment()]
	d.mu.Unlock()
	if data == nil {
		data = signatureContainer(v) // two at once make the same one twice
		d.mu.Lock()
		d.signatures[v.Segment()] = data
		d.mu.Unlock()
	}
	return d.madeResource("smssig/"+strings.ToLower(t.segment), data, newest(v)), true
}

func signatureContainer(v *Version) []byte {
	var out []byte
	for _, f := range v.Files() {
		member := signatureOf(f)
		header := make([]byte, 512)
		copy(header[:100], strings.ReplaceAll(f.Path, "/", `\`))
		copy(header[124:], fmt.Sprintf("%o", len(member)))
		header[156] = '0'
		copy(header[257:], "ustar  ")
		out = append(append(out, header...), member...)
		out = append(out, make([]byte, -len(member)&511)...)
	}
	return append(out, make([]byte, 1024)...)
}

func signatureOf(f *File) []byte {
	out := []byte("\x18\x00\x00\x00\x01\x00\x01\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00")
	chunk := make([]byte, 3072)
	for off, i := int64(0), uint64(0); off < f.Size; i++ {
		part := chunk[:min(int64(1024+mix(i)%2048), f.Size-off)]
		_, _ = f.ReadAt(part, off) // within the file there is no error
		sum := md4(part)
		out = append(out, sum[:]...)
		out = binary.LittleEndian.AppendUint16(out, uint16(len(part)))
		off += int64(len(part))
	}
	return out
}
