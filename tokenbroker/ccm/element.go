package ccm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of what is read. The answers that are known nest 9 deep, and hold about 20 elements for each of the few hundred
// distribution points that a large site may name.
const (
	maxDepth      = 32
	maxElements   = 1 << 16
	maxAttributes = 64
)

const (
	errDeclared   = flaw("a document type or an entity is declared")
	errTooDeep    = flaw("elements nest too deep")
	errTooMany    = flaw("there are too many elements or attributes")
	errTwice      = flaw("an attribute is given twice")
	errNotOneRoot = flaw("there is not one root element")
)

// element is one element of an XML document, to be read or to be written. Names are without their namespaces.
type element struct {
	name     string
	attrs    []attribute
	text     string // all character data directly in it, without spaces at its ends
	children []*element
}

// attribute is one attribute of an element.
type attribute struct{ name, value string }

// parseXML reads a document. It refuses document types and every entity but the five of XML itself, and is bounded in
// depth and number: what it makes is at most some twenty times as large as the text.
func parseXML(text string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	// The text has been decoded, whatever encoding its XML declaration still names.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var p treeBuilder
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p.finish()
		}
		if err != nil {
			// The error itself quotes the document, which may hold a secret.
			line, column := d.InputPos()
			return nil, flaw(fmt.Sprintf("it is not well-formed XML at line %d, column %d", line, column))
		}
		if err := p.take(tok); err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
	}
}

// treeBuilder makes the tree of one document.
type treeBuilder struct {
	root *element
	open []*openElement
	made int
}

// openElement is an element whose end has not been seen.
type openElement struct {
	*element
	text []byte
}

func (b *treeBuilder) take(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return b.start(t)
	case xml.EndElement:
		last := b.open[len(b.open)-1]
		last.element.text = strings.TrimSpace(string(last.text))
		b.open = b.open[:len(b.open)-1]
	case xml.CharData:
		if len(b.open) > 0 {
			last := b.open[len(b.open)-1]
			last.text = append(last.text, t...)
		}
	case xml.Directive:
		return errDeclared
	}
	return nil
}

func (b *treeBuilder) start(t xml.StartElement) error {
	b.made++
	switch {
	case len(b.open) == 0 && b.root != nil:
		return errNotOneRoot
	case len(b.open) >= maxDepth:
		return errTooDeep
	case b.made > maxElements || len(t.Attr) > maxAttributes:
		return errTooMany
	}
	e := &element{name: t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		if e.has(a.Name.Local) {
			return errTwice
		}
		e.attrs = append(e.attrs, attribute{a.Name.Local, a.Value})
	}
	if b.root == nil {
		b.root = e
	} else {
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, e)
	}
	b.open = append(b.open, &openElement{element: e})
	return nil
}

func (b *treeBuilder) finish() (*element, error) {
	if b.root == nil || len(b.open) != 0 {
		return nil, fmt.Errorf("read XML: %w", errNotOneRoot)
	}
	return b.root, nil
}

func (e *element) has(attr string) bool {
	return slices.ContainsFunc(e.attrs, func(a attribute) bool { return a.name == attr })
}

// attr is the value of an attribute, "" where there is none or no element.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// at is the first element at the end of a path of names below e. Nil where there is none.
func (e *element) at(names ...string) *element {
	for _, name := range names {
		if e == nil {
			return nil
		}
		i := slices.IndexFunc(e.children, func(c *element) bool { return c.name == name })
		if i < 0 {
			return nil
		}
		e = e.children[i]
	}
	return e
}

// all are the children of that name.
func (e *element) all(name string) (found []*element) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// value is the text of the element at the end of a path of names, "" where there is none.
func (e *element) value(names ...string) string {
	if found := e.at(names...); found != nil {
		return found.text
	}
	return ""
}
