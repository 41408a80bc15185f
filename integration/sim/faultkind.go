package sim

import (
	"fmt"
	"slices"
)

// names of the kinds, in their order.
func faultNames() []string {
	return []string{"status", "silence", "close", "range-ignored", "no-content-range", "wrong-start", "wrong-total",
		"wrong-size", "encoding", "short-body", "reset", "drip", "stall", "corrupt", "kill", "empty", "redirect", "garbage",
		"dtd", "bomb", "clock"}
}

// String is the kind's name: "status", "short-body" and so on.
func (k FaultKind) String() string {
	if k < FaultStatus || k > FaultClock {
		return fmt.Sprintf("FaultKind(%d)", uint8(k))
	}
	return faultNames()[k-1]
}

// MarshalText implements encoding.TextMarshaler.
func (k FaultKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler for the names.
func (k *FaultKind) UnmarshalText(text []byte) error {
	i := slices.Index(faultNames(), string(text))
	if i < 0 {
		return fmt.Errorf("there is no fault %q, but %v", text, faultNames())
	}
	*k = FaultKind(i + 1)
	return nil
}
