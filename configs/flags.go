package configs

import (
	"fmt"
	"strconv"
)

// Flags is a set of 64 flags. In the file it is a number: decimal, or hexadecimal after 0x.
type Flags uint64

// UnmarshalText reads a number.
func (f *Flags) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		return fmt.Errorf("%.64q is not a set of flags; write a number such as 4352 or 0x1100", text)
	}
	*f = Flags(n)
	return nil
}

// MarshalText writes a decimal number.
func (f Flags) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(f), 10), nil }
