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
	// paths name the listeners that run, by their place, in the file: "listeners" one that is there no more.
	paths []string
}

// compare makes the plan that leads from what runs to what a file says.
func compare(running, wanted *configs.Config) *plan {
	next := *wanted
	p := &plan{config: &next, untouched: map[int]bool{}, changed: []string{}, restart: []string{}}
	p.listeners(running.Listeners, wanted.Listeners)
	if running.Site.Code != wanted.Site.Code { // nothing of one site goes with another
		p.restart = append(p.restart, "site.code")
		next.Site, next.Identity, next.Entra, next.Cloud.Manifest = running.Site, running.Identity, running.Entra, running.Cloud.Manifest
	}
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
	places := pair(running, wanted)
	for i, was := range running {
		at := places[i]
		if at < 0 {
			p.paths = append(p.paths, "listeners")
			p.leave(i, "listeners ("+was.Address+" is there no more)")
			continue
		}
		path := fmt.Sprintf("listeners[%d]", at)
		p.paths = append(p.paths, path)
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
		if !slices.Contains(places, at) {
			p.restart = append(p.restart, fmt.Sprintf("listeners[%d] (%s is new)", at, is.Address))
		}
	}
}

// leave keeps a listener that runs as it is.
func (p *plan) leave(i int, why string) {
	p.restart = append(p.restart, why)
	p.untouched[i] = true
}

// pair returns where each listener that runs is in the file, below zero for one that is not: who has its address and its name,
// otherwise who has one of them.
func pair(running, wanted []configs.Listener) (places []int) {
	places = slices.Repeat([]int{-1}, len(running))
	for _, same := range []func(a, b configs.Listener) bool{
		func(a, b configs.Listener) bool { return a.Address == b.Address && a.Name == b.Name },
		func(a, b configs.Listener) bool { return a.Address == b.Address },
		func(a, b configs.Listener) bool { return a.Name == b.Name },
	} {
		for i, was := range running {
			for at, is := range wanted {
				if places[i] < 0 && !slices.Contains(places, at) && same(was, is) {
					places[i] = at
				}
			}
		}
	}
	return places
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
