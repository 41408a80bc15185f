package ccm

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

const (
	errTooLarge  = flaw("it is larger than the limit")
	errTruncated = flaw("it is cut short")
	errNotZlib   = flaw("it is not a sound zlib stream")
)

// deflate returns b as a zlib stream (RFC 1950). Nobody reports that a management point minds the level.
func deflate(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// isZlib tells a zlib stream from text in UTF-16 by the checked header of RFC 1950 section 2.2: neither "<" nor a byte
// order mark in UTF-16 passes for one.
func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&0x0f == 8 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}

// inflate returns what the zlib stream b holds. It stops at limit bytes, so that a small answer cannot fill the memory.
func inflate(b []byte, limit int64) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, errNotZlib
	}
	out, err := readLimited(r, limit)
	if _, known := errors.AsType[flaw](err); err != nil && !known {
		return nil, errNotZlib
	}
	return out, err
}

// readLimited reads r to its end, and fails when that is past limit bytes.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errTruncated
	case err != nil:
		return nil, err
	case int64(len(out)) > limit:
		return nil, errTooLarge
	}
	return out, nil
}
