package content

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// String tells the target without its headers, which hold the credentials of a client.
func (t Target) String() string {
	return fmt.Sprintf("%s://%s%s (%s)", t.Scheme, t.Host, t.Raw, t.ID.Name())
}

// Format prints String for every verb, so that %+v and %#v do not dump the headers either.
func (t Target) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// LogValue keeps the headers out of logs.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON keeps the headers out of dumps.
func (t Target) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

var (
	_ fmt.Formatter  = Target{}
	_ slog.LogValuer = Target{}
	_ json.Marshaler = Target{}
)
