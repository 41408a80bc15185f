package ccm

import (
	"slices"
	"strings"
)

const (
	// maxUnknown bounds the names that are collected from one answer.
	maxUnknown = 64
	// maxName bounds one of them.
	maxName = 160
)

// vocabulary are the names of one kind of answer: "Parent/Child" for elements, "Element/@Name" for attributes.
type vocabulary map[string]bool

// newVocabulary reads names separated by spaces.
func newVocabulary(names string) vocabulary {
	v := vocabulary{}
	for _, name := range strings.Fields(names) {
		v[name] = true
	}
	return v
}

// unknown lists what the answer holds beside the vocabulary, by name and place, each name once and never a value: the
// administrator of a site can tell from it where a setting has to point. What is below an unknown element is unknown.
func (v vocabulary) unknown(root *element) []string {
	c := collector{known: v, seen: map[string]bool{}}
	c.element(root, root.name)
	slices.Sort(c.found)
	return c.found
}

type collector struct {
	known vocabulary
	seen  map[string]bool
	found []string
}

func (c *collector) element(e *element, place string) {
	if len(c.found) >= maxUnknown {
		return
	}
	place = place[:min(len(place), maxName)] // a deep tree of long names would cost its square
	for _, a := range e.attrs {
		if !c.known[e.name+"/@"+a.name] {
			c.add(place + "/@" + a.name)
		}
	}
	for _, child := range e.children {
		where := place + "/" + child.name
		if !c.known[e.name+"/"+child.name] {
			c.add(where)
		}
		c.element(child, where)
	}
}

func (c *collector) add(name string) {
	if len(c.found) >= maxUnknown {
		return
	}
	name = tidy(name)
	if !c.seen[name] {
		c.seen[name] = true
		c.found = append(c.found, name)
	}
}

// tidy makes a name from the network fit for a log.
func tidy(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return '?'
		}
		return r
	}, name)
}
