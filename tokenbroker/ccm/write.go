package ccm

import (
	"encoding/xml"
	"strings"
)

// tag is an element with attributes, given as name, value, name, value.
func tag(name string, attrs ...string) *element {
	e := &element{name: name}
	for ; len(attrs) > 1; attrs = attrs[2:] {
		e.attrs = append(e.attrs, attribute{attrs[0], attrs[1]})
	}
	return e
}

// leaf is an element that holds text only.
func leaf(name, text string) *element { return &element{name: name, text: text} }

// with adds children at the end of e.
func (e *element) with(children ...*element) *element {
	e.children = append(e.children, children...)
	return e
}

// String is the element as XML on one line, as clients send it.
func (e *element) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *element) write(b *strings.Builder) {
	b.WriteByte('<')
	b.WriteString(e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a.name + `="` + escape(a.value) + `"`)
	}
	if e.text == "" && len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	b.WriteString(escape(e.text))
	for _, c := range e.children {
		c.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

// escape makes text fit to stand in an element or in an attribute. What XML cannot hold becomes U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}

// isXMLName tells whether a setting may be the name of an element or an attribute: ASCII only, which is all that CM uses.
func isXMLName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '.')) {
			return false
		}
	}
	return s != ""
}
