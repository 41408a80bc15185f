package ccm

import (
	"errors"
	"fmt"
	"strings"
)

// maxAnywhere bounds the "//" of a path, and so the work that one path can make.
const maxAnywhere = 2

var errPath = errors.New(`a path is like "Root/Child/@Attribute" or "//Name", with "*" for any name and at most two "//"`)

// path says where in an answer a value stands: element names from the root on, separated by "/", perhaps with an
// attribute at the end. "//" skips any number of elements, "*" stands for any name. Letter case does not count, since
// these are names that nobody has published.
type path struct {
	steps     []step
	attribute string // empty: the text of the element
}

type step struct {
	name     string
	anywhere bool // below the last step, and not right below only
}

func parsePath(s string) (path, error) {
	var p path
	var anywhere bool
	skips, segments := 0, strings.Split(strings.TrimPrefix(s, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" && !anywhere && !last:
			anywhere = true
			skips++
			continue
		case last && strings.HasPrefix(segment, "@") && isXMLName(segment[1:]):
			p.attribute = segment[1:]
			if anywhere {
				p.steps = append(p.steps, step{"*", true})
			}
		case segment == "*" || isXMLName(segment):
			p.steps = append(p.steps, step{segment, anywhere})
		default:
			return path{}, fmt.Errorf("path %q: %w", s, errPath)
		}
		anywhere = false
	}
	if len(p.steps) == 0 || skips > maxAnywhere {
		return path{}, fmt.Errorf("path %q: %w", s, errPath)
	}
	return p, nil
}

// parsePaths reads a list of paths. An empty list has none.
func parsePaths(list []string) ([]path, error) {
	paths := make([]path, 0, len(list))
	for _, s := range list {
		p, err := parsePath(s)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// find calls visit for each value at the path that is not empty, in the order of the document, with the elements around
// it from the root on. It ends when visit returns false.
func (p path) find(root *element, visit func(chain []*element, value string) bool) {
	if root != nil {
		p.descend([]*element{root}, visit)
	}
}

func (p path) descend(chain []*element, visit func([]*element, string) bool) bool {
	e := chain[len(chain)-1]
	if p.ends(chain) {
		if value := p.valueOf(e); value != "" && !visit(chain, value) {
			return false
		}
	}
	for _, c := range e.children {
		if !p.descend(append(chain, c), visit) {
			return false
		}
	}
	return true
}

func (p path) valueOf(e *element) string {
	if p.attribute == "" {
		return e.text
	}
	for _, a := range e.attrs {
		if strings.EqualFold(a.name, p.attribute) {
			return strings.TrimSpace(a.value)
		}
	}
	return ""
}

// ends tells whether the steps of p lead to the last element of chain.
func (p path) ends(chain []*element) bool { return matches(p.steps, chain) }

func matches(steps []step, chain []*element) bool {
	if len(steps) == 0 || len(chain) == 0 {
		return len(steps) == 0 && len(chain) == 0
	}
	for skipped := range chain {
		fits := steps[0].name == "*" || strings.EqualFold(steps[0].name, chain[skipped].name)
		if fits && matches(steps[1:], chain[skipped+1:]) {
			return true
		}
		if !steps[0].anywhere {
			return false
		}
	}
	return false
}

// first is the first value at any of the paths, in the order of the paths.
func first(paths []path, root *element) (value string) {
	for _, p := range paths {
		p.find(root, func(_ []*element, v string) bool { value = v; return false })
		if value != "" {
			return value
		}
	}
	return ""
}
