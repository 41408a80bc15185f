package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// binder copies nodes into the fields of Config and reports every key and every value that does not fit. It goes on
// after a mistake, so that all of them are found in one reading.
type binder struct{ found *findings }

// bind copies n into a value. Nothing, as in "cache:", leaves the default.
func (b binder) bind(n node, path string, into reflect.Value) {
	if n.kind == null {
		return
	}
	b.found.at[path] = n.at
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		b.bindText(n, path, text)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		b.bindStruct(n, path, into)
	case reflect.Slice:
		b.bindSlice(n, path, into)
	case reflect.Map:
		b.bindMap(n, path, into)
	case reflect.Int:
		b.bindInt(n, path, into)
	case reflect.Bool:
		b.bindBool(n, path, into)
	case reflect.String:
		if b.is(scalar, n, path) {
			into.SetString(n.text)
		}
	default:
		panic("configs: a field of kind " + into.Kind().String())
	}
}

func (b binder) bindStruct(n node, path string, into reflect.Value) {
	if !b.is(mapping, n, path) {
		return
	}
	seen := map[string]Position{}
	for _, f := range n.fields {
		at := join(path, f.key)
		target, ok := fieldNamed(into, f.key)
		if !ok {
			b.found.add(f.at, path, unknown("key", f.key, keysOf(into.Type())))
			continue
		}
		if first, twice := seen[f.key]; twice {
			b.found.add(f.at, at, fmt.Sprintf("this key is there twice, first in line %d; keep one", first.Line))
			continue
		}
		seen[f.key] = f.at
		b.found.at[at] = f.at
		b.bind(f.value, at, target)
	}
}

// defaulter is an entry of a list with defaults of its own.
type defaulter interface{ setDefaults() }

func (b binder) bindSlice(n node, path string, into reflect.Value) {
	if !b.is(list, n, path) {
		return
	}
	if len(n.items) == 0 {
		into.SetZero()
		return
	}
	out := reflect.MakeSlice(into.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		entry, at := out.Index(i), fmt.Sprintf("%s[%d]", path, i)
		if d, ok := entry.Addr().Interface().(defaulter); ok {
			d.setDefaults()
		}
		if item.kind == null {
			b.refuse(item, at, "this entry is empty; give it a value or remove it")
			continue
		}
		b.bind(item, at, entry)
	}
	into.Set(out)
}

// bindMap copies names of the user's own, with their values.
func (b binder) bindMap(n node, path string, into reflect.Value) {
	if !b.is(mapping, n, path) {
		return
	}
	out := reflect.MakeMap(into.Type())
	for _, f := range n.fields {
		at, key := join(path, f.key), reflect.ValueOf(f.key)
		if out.MapIndex(key).IsValid() {
			b.found.add(f.at, at, "this key is there twice; keep one")
			continue
		}
		b.found.at[at] = f.at
		value := reflect.New(into.Type().Elem()).Elem()
		b.bind(f.value, at, value)
		out.SetMapIndex(key, value)
	}
	into.SetZero()
	if out.Len() > 0 {
		into.Set(out)
	}
}

func (b binder) bindBool(n node, path string, into reflect.Value) {
	if !b.is(scalar, n, path) {
		return
	}
	if n.text != "true" && n.text != "false" {
		b.refuse(n, path, fmt.Sprintf("%.64q is neither true nor false", n.text))
		return
	}
	into.SetBool(n.text == "true")
}

func (b binder) bindInt(n node, path string, into reflect.Value) {
	if !b.is(scalar, n, path) {
		return
	}
	value, err := strconv.Atoi(n.text)
	if err != nil {
		b.refuse(n, path, fmt.Sprintf("%q is not a whole number; write digits only, such as 4", n.text))
		return
	}
	into.SetInt(int64(value))
}

func (b binder) bindText(n node, path string, into encoding.TextUnmarshaler) {
	if !b.is(scalar, n, path) {
		return
	}
	if err := into.UnmarshalText([]byte(n.text)); err != nil {
		b.refuse(n, path, err.Error())
	}
}

// is says whether n has the kind that the setting wants, and reports when it has not.
func (b binder) is(want kind, n node, path string) bool {
	if n.kind == want {
		return true
	}
	b.refuse(n, path, fmt.Sprintf("this is %s; write %s", n.kind, want))
	return false
}

func (b binder) refuse(n node, path, message string) {
	b.found.unread[path] = true
	b.found.add(n.at, path, message)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func fieldNamed(s reflect.Value, key string) (reflect.Value, bool) {
	for i, name := range keysOf(s.Type()) {
		if name == key {
			return s.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keysOf returns the keys of a section in the order of its fields.
func keysOf(section reflect.Type) []string {
	keys := make([]string, section.NumField())
	for i := range keys {
		keys[i], _, _ = strings.Cut(section.Field(i).Tag.Get("yaml"), ",")
	}
	return keys
}
