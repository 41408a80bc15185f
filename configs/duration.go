package configs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written like 15s, 5m or 24h; never negative.
type Duration time.Duration

// UnmarshalText reads a duration. A number without a unit is refused, except 0: nobody knows what it means.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return fmt.Errorf("%q has no unit; write %ss for seconds or %sm for minutes", s, s, s)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration; write a number and a unit, such as 15s, 5m or 24h", s)
	}
	if parsed < 0 {
		return errors.New("a duration is not negative; write something like 15s")
	}
	*d = Duration(parsed)
	return nil
}

// String returns the duration as it is written in the file: 1h30m, not 1h30m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalYAML writes the duration as String does.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }
