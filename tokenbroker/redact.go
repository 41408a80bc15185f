package tokenbroker

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for a token wherever one is printed.
const redacted = "redacted"

var (
	_ fmt.Formatter          = Token{}
	_ fmt.Stringer           = Token{}
	_ fmt.GoStringer         = Token{}
	_ slog.LogValuer         = Token{}
	_ json.Marshaler         = Token{}
	_ encoding.TextMarshaler = Token{}
)

// Format prints "redacted" for every verb and flag.
func (Token) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// String returns "redacted".
func (Token) String() string { return redacted }

// GoString returns "redacted".
func (Token) GoString() string { return redacted }

// LogValue returns "redacted".
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns the JSON string "redacted".
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "redacted".
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }
