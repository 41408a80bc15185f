package ccm

import (
	"fmt"
	"io"
	"log/slog"
)

// sealed is embedded in what holds keys, so that the whole of it prints as "redacted".
type sealed struct{}

// Format prints "redacted" for every verb and flag.
func (sealed) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue returns "redacted".
func (sealed) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns the JSON string "redacted".
func (sealed) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "redacted".
func (sealed) MarshalText() ([]byte, error) { return []byte(redacted), nil }
