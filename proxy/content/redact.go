package content

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// String tells the target without its headers and its signature, which hold the credentials of a client.
func (t Target) String() string {
	raw := t.Raw
	if t.ID.Share == Blob {
		raw, _, _ = strings.Cut(raw, "?")
	}
	return fmt.Sprintf("%s://%s%s (%s)", t.Scheme, t.Host, raw, t.ID.Name())
}

// Format prints String for every verb, so that %+v and %#v do not dump them either.
func (t Target) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// LogValue keeps them out of logs.
func (t Target) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON keeps them out of dumps.
func (t Target) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

var (
	_ fmt.Formatter  = Target{}
	_ slog.LogValuer = Target{}
	_ json.Marshaler = Target{}
)
