package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes, written like 4MiB or 50GiB; never negative.
type Bytes int64

const (
	kib Bytes = 1 << 10
	mib Bytes = 1 << 20
	gib Bytes = 1 << 30
	tib Bytes = 1 << 40
)

// unitBytes returns the size of a unit, zero when there is no such unit. Letter case does not matter.
func unitBytes(unit string) Bytes {
	switch strings.ToLower(unit) {
	case "", "b":
		return 1
	case "kib":
		return kib
	case "mib":
		return mib
	case "gib":
		return gib
	case "tib":
		return tib
	case "kb":
		return 1e3
	case "mb":
		return 1e6
	case "gb":
		return 1e9
	case "tb":
		return 1e12
	}
	return 0
}

// UnmarshalText reads a size. A number without a unit is in bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.HasSuffix(s, "%") {
		return fmt.Errorf("%q is a share, and shares of a disk are not supported; write bytes, such as 50GiB", s)
	}
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	number, unit := digits, strings.TrimSpace(s[len(digits):])
	n, err := strconv.ParseUint(number, 10, 63)
	size := unitBytes(unit)
	switch {
	case err != nil && strings.Trim(number, "0123456789") == "" && number != "":
		return fmt.Errorf("%q is more than a disk can hold", s)
	case err != nil:
		return fmt.Errorf("%q is not a size; write a whole number and a unit, such as 4MiB or 50GiB", s)
	case size == 0:
		return fmt.Errorf("%q is not a unit of size; write KiB, MiB, GiB or TiB (or KB, MB, GB, TB)", unit)
	case Bytes(n) > math.MaxInt64/size:
		return fmt.Errorf("%q is more than a disk can hold", s)
	}
	*b = Bytes(n) * size
	return nil
}

// String returns the size in the largest binary unit that divides it.
func (b Bytes) String() string {
	for _, unit := range []struct {
		size Bytes
		name string
	}{{tib, "TiB"}, {gib, "GiB"}, {mib, "MiB"}, {kib, "KiB"}} {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalYAML writes the size as String does.
func (b Bytes) MarshalYAML() (any, error) { return b.String(), nil }
