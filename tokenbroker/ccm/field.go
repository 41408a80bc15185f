package ccm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// errNotJSON is an answer that is no JSON where the settings say that it is.
const errNotJSON = flaw("it is not JSON")

// field says which part of an answer is meant: "body", "json:a.b", "xml:path" or "header:Name". The zero field is none.
type field struct {
	kind  string
	names []string // of json and header
	path  path     // of xml
}

func parseField(s string) (f field, err error) {
	kind, where, _ := strings.Cut(s, ":")
	f.kind = kind
	switch {
	case kind == "body" && where == "":
	case kind == "json":
		if where != "" { // otherwise the whole document is meant, a string
			f.names = strings.Split(where, ".")
		}
	case kind == "header" && httpguts.ValidHeaderFieldName(where):
		f.names = []string{where}
	case kind == "xml":
		f.path, err = parsePath(where)
	default:
		err = fmt.Errorf(`the part of an answer %q is none of "body", "json:<name>", "xml:<path>" and "header:<name>"`, s)
	}
	return f, err
}

// of returns that part of an answer. It is "" where the answer has none.
func (f field) of(got answer) (string, error) {
	switch f.kind {
	case "body":
		return decodeAny(got.body)
	case "header":
		return strings.TrimSpace(got.header.Get(f.names[0])), nil
	case "json":
		return f.inJSON(got.body)
	case "xml":
		text, err := decodeAny(got.body)
		if err != nil || text == "" {
			return "", err
		}
		root, err := parseXML(text)
		if err != nil {
			return "", err
		}
		return first([]path{f.path}, root), nil
	}
	return "", nil
}

// inJSON walks down objects by name to a string or a number.
func (f field) inJSON(body []byte) (string, error) {
	if len(body) == 0 {
		return "", nil
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return "", errNotJSON
	}
	for _, name := range f.names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	}
	return "", nil
}
