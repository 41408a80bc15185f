package cache

import (
	"encoding/json"
	"unicode/utf8"
)

// text is a string in a record. JSON would quietly change one that is not UTF-8, and names and headers may be anything:
// such a one is written as a list with its bytes in base64.
type text string

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal([][]byte{[]byte(t)})
}

func (t *text) UnmarshalJSON(data []byte) error {
	var (
		s   string
		raw [1][]byte
	)
	if len(data) > 0 && data[0] == '[' {
		err := json.Unmarshal(data, &raw)
		*t = text(raw[0])
		return err
	}
	err := json.Unmarshal(data, &s)
	*t = text(s)
	return err
}
