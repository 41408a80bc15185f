package assembly

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"branchpoint/configs"
)

// plan is what a reload is to bring about.
type plan struct {
	// config is what will be in force: what the file says where that can be reloaded, and what runs where it cannot.
	config *configs.Config
	// changed and restart are the settings that differ, by their names in the file: those that can be reloaded, and the others.
	changed, restart []string
	// untouched are the listeners, by their place, that the file does not have any more, or of another kind.
	untouched map[int]bool
}

// compare makes the plan that leads from what runs to what a file says.
func compare(running, wanted *configs.Config) *plan {
	next := *wanted
	p := &plan{config: &next, untouched: map[int]bool{}}
	p.listeners(running.Listeners, wanted.Listeners)
	was, is := reflect.ValueOf(running).Elem(), reflect.ValueOf(&next).Elem()
	for key, i := range fieldsOf(is.Type()) {
		if key != "listeners" {
			p.walk(key, key, was.Field(i), is.Field(i))
		}
	}
	slices.Sort(p.changed)
	slices.Sort(p.restart)
	return p
}

// walk compares a setting, or a group of them, with what is in the file. Where that needs a restart, is becomes what it was.
// path names it in the file, key in the table.
func (p *plan) walk(path, key string, was, is reflect.Value) {
	switch {
	case reflect.DeepEqual(was.Interface(), is.Interface()):
	case isGroup(is.Type()):
		for name, i := range fieldsOf(is.Type()) {
			p.walk(path+"."+name, key+"."+name, was.Field(i), is.Field(i))
		}
	case is.Kind() == reflect.Slice && isGroup(is.Type().Elem()):
		p.list(path, key, was, is)
	case effectOf(key) == reloads:
		p.changed = append(p.changed, path)
	default:
		p.restart = append(p.restart, path)
		is.Set(was)
	}
}

// list compares two lists of groups, which differ. A list that has another length is named as a whole.
func (p *plan) list(path, key string, was, is reflect.Value) {
	if was.Len() != is.Len() {
		p.changed = append(p.changed, path)
		return
	}
	for i := range is.Len() {
		p.walk(fmt.Sprintf("%s[%d]", path, i), key+"[]", was.Index(i), is.Index(i))
	}
}

// listeners compares the listeners that run, which stay as they are bound, with those in the file.
func (p *plan) listeners(running, wanted []configs.Listener) {
	p.config.Listeners = slices.Clone(running)
	taken := make([]bool, len(wanted))
	for i, was := range running {
		at := find(was, wanted, taken)
		if at < 0 {
			p.leave(i, "listeners ("+was.Address+" is there no more)")
			continue
		}
		taken[at] = true
		path := fmt.Sprintf("listeners[%d]", at)
		switch is := wanted[at]; {
		case is.Address != was.Address:
			p.leave(i, path+".address")
		case is.Kind != was.Kind:
			p.leave(i, path+".kind")
		default:
			p.config.Listeners[i] = is
			p.walk(path, "listeners[]", reflect.ValueOf(was), reflect.ValueOf(p.config.Listeners).Index(i))
		}
	}
	for at, is := range wanted {
		if !taken[at] {
			p.restart = append(p.restart, fmt.Sprintf("listeners[%d] (%s is new)", at, is.Address))
		}
	}
}

// leave keeps a listener that runs as it is.
func (p *plan) leave(i int, why string) {
	p.restart = append(p.restart, why)
	p.untouched[i] = true
}

// find returns where a listener that runs is in the file: by its address and name, one of them, or below zero.
func find(was configs.Listener, wanted []configs.Listener, taken []bool) int {
	address := func(is configs.Listener) bool { return is.Address == was.Address }
	name := func(is configs.Listener) bool { return is.Name == was.Name }
	for _, same := range []func(configs.Listener) bool{
		func(is configs.Listener) bool { return address(is) && name(is) }, address, name,
	} {
		for at, is := range wanted {
			if !taken[at] && same(is) {
				return at
			}
		}
	}
	return -1
}

// isGroup tells whether values of a type are groups of settings, and not one.
func isGroup(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// fieldsOf returns the fields of a group by their keys in the file.
func fieldsOf(group reflect.Type) map[string]int {
	fields := make(map[string]int, group.NumField())
	for i := range group.NumField() {
		key, _, _ := strings.Cut(group.Field(i).Tag.Get("yaml"), ",")
		fields[key] = i
	}
	return fields
}
