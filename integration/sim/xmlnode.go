package sim

import (
	"encoding/xml"
	"strings"
)

// xmlNode is an element of a message, read or to be written. Namespaces do not count.
type xmlNode struct {
	name     string
	attrs    []xmlAttr
	text     string // all character data directly in it, without blanks around it
	children []*xmlNode

	start, end int // of the whole element in the text that it was read from
}

type xmlAttr struct{ name, value string }

// node makes an element; attributes are names and values in turn.
func node(name string, attrs ...string) *xmlNode {
	n := &xmlNode{name: name}
	for i := 0; i+1 < len(attrs); i += 2 {
		n.attrs = append(n.attrs, xmlAttr{attrs[i], attrs[i+1]})
	}
	return n
}

// leaf makes an element that holds a text.
func leaf(name, text string) *xmlNode { return &xmlNode{name: name, text: text} }

// with adds children, and returns the element.
func (n *xmlNode) with(children ...*xmlNode) *xmlNode {
	n.children = append(n.children, children...)
	return n
}

// set adds an attribute.
func (n *xmlNode) set(name, value string) { n.attrs = append(n.attrs, xmlAttr{name, value}) }

// attr is the value of an attribute, "" when there is none. A nil element has none.
func (n *xmlNode) attr(name string) string {
	if n != nil {
		for _, a := range n.attrs {
			if a.name == name {
				return a.value
			}
		}
	}
	return ""
}

// at is the element at the end of a path of names, nil when there is none.
func (n *xmlNode) at(path ...string) *xmlNode {
	for _, name := range path {
		n = n.child(name)
	}
	return n
}

func (n *xmlNode) child(name string) *xmlNode {
	if n != nil {
		for _, c := range n.children {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// value is the text of the element at the end of a path, "" when there is none.
func (n *xmlNode) value(path ...string) string {
	if found := n.at(path...); found != nil {
		return found.text
	}
	return ""
}

// String is the element as XML, on one line.
func (n *xmlNode) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *xmlNode) write(b *strings.Builder) {
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		b.WriteString(" " + a.name + `="`)
		_ = xml.EscapeText(b, []byte(a.value)) // a Builder takes everything
		b.WriteString(`"`)
	}
	if n.text == "" && len(n.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	_ = xml.EscapeText(b, []byte(n.text))
	for _, c := range n.children {
		c.write(b)
	}
	b.WriteString("</" + n.name + ">")
}
