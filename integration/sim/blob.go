package sim

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"
)

// blob is the bytes of a file, stored once however many files share them: generated from a seed, or real.
type blob struct {
	size    int64
	seed    uint64
	data    []byte // nil: generated
	pattern *pattern
	hash    func() string
	md5     func() string
}

func newBlob(p *pattern, size int64, seed uint64, data []byte) *blob {
	b := &blob{size: size, seed: seed, data: data, pattern: p}
	if data != nil {
		b.size = int64(len(data))
	}
	b.hash = sync.OnceValue(func() string { return fmt.Sprintf("%X", b.sum(sha256.New())) })
	b.md5 = sync.OnceValue(func() string { return base64.StdEncoding.EncodeToString(b.sum(md5.New())) })
	return b
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	n := int(min(int64(len(p)), max(0, b.size-off)))
	switch {
	case n == 0:
	case b.data != nil:
		copy(p[:n], b.data[off:])
	default:
		b.pattern.fill(p[:n], b.seed, off)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// mismatch returns the index of the first byte of p that is not the blob's byte at that place, or -1.
func (b *blob) mismatch(p []byte, off int64) int {
	var scratch [16 << 10]byte
	for at := 0; at < len(p); at += len(scratch) {
		part := p[at:min(at+len(scratch), len(p))]
		n, _ := b.ReadAt(scratch[:len(part)], off+int64(at)) // only EOF is possible, and n says so
		if bytes.Equal(part, scratch[:n]) {
			continue
		}
		for i := range part {
			if i >= n || part[i] != scratch[i] {
				return at + i
			}
		}
	}
	return -1
}

// sum hashes all bytes. A content library names files by their SHA-256 in upper-case hex, blob storage tells an MD5 in
// base64.
func (b *blob) sum(h hash.Hash) []byte {
	if _, err := io.Copy(h, io.NewSectionReader(b, 0, b.size)); err != nil {
		panic(fmt.Sprintf("sim: hashing memory failed: %v", err)) // a hash.Hash never fails, nor does ReadAt in bounds
	}
	return h.Sum(nil)
}

// seedOf derives a seed from a name, so that files of different names have different bytes.
func seedOf(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	var seed uint64
	for _, c := range sum[:8] {
		seed = seed<<8 | uint64(c)
	}
	return seed
}

// shortHash is a stable few characters for a name, for use in made-up identifiers.
func shortHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}
