package sim

import (
	"errors"
	"fmt"
	"io"
)

// receive reads want bytes of a file from r, compares each with the truth, and calls got after each piece. It returns how
// many right bytes came.
func receive(r io.Reader, v *truth, off, want int64, got func(n int) error) (int64, error) {
	buf := make([]byte, 64<<10)
	var done int64
	for done < want {
		n, err := r.Read(buf[:min(int64(len(buf)), want-done)])
		if n > 0 {
			if err := v.check(buf[:n], off+done); err != nil {
				return done, err
			}
			done += int64(n)
			if err := got(n); err != nil {
				return done, err
			}
		}
		if err != nil && done < want {
			return done, fmt.Errorf("body ends %d bytes early: %w", want-done, noEOF(err))
		}
	}
	return done, nil
}

var errTooLong = errors.New("the body is longer than its range")

// expectEnd fails when more bytes follow.
func expectEnd(r io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return errTooLong
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("after the body: %w", err)
	}
}
