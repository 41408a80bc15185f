package sim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
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

const (
	maxXMLDepth = 32
	maxXMLNodes = 20_000
)

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

// xmlReader builds a tree from tokens.
type xmlReader struct {
	dec   *xml.Decoder
	root  *xmlNode
	open  []*xmlNode
	count int
}

// readXML reads one element. A document type is refused, like what is too deep or too large.
func readXML(text string) (*xmlNode, error) {
	r := &xmlReader{dec: xml.NewDecoder(strings.NewReader(text))}
	r.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is decoded already
	for {
		start := int(r.dec.InputOffset())
		token, err := r.dec.RawToken()
		if errors.Is(err, io.EOF) && r.root != nil && len(r.open) == 0 {
			return r.root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		if err := r.take(token, start); err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
	}
}

func (r *xmlReader) take(token xml.Token, start int) error {
	switch t := token.(type) {
	case xml.Directive:
		return errors.New("it has a document type")
	case xml.StartElement:
		return r.begin(t, start)
	case xml.EndElement:
		last := len(r.open) - 1
		if last < 0 || r.open[last].name != t.Name.Local {
			return fmt.Errorf("</%s> ends nothing", t.Name.Local)
		}
		r.open[last].end = int(r.dec.InputOffset())
		r.open[last].text = strings.TrimSpace(r.open[last].text)
		r.open = r.open[:last]
	case xml.CharData:
		if last := len(r.open) - 1; last >= 0 {
			r.open[last].text += string(t)
		} else if strings.TrimSpace(string(t)) != "" {
			return errors.New("there is text outside of elements")
		}
	}
	return nil
}

func (r *xmlReader) begin(t xml.StartElement, start int) error {
	n := &xmlNode{name: t.Name.Local, start: start}
	for _, a := range t.Attr {
		n.set(a.Name.Local, a.Value)
	}
	last := len(r.open) - 1
	switch r.count++; {
	case r.count > maxXMLNodes || len(r.open) >= maxXMLDepth:
		return errors.New("it is too large or too deep")
	case last >= 0:
		r.open[last].children = append(r.open[last].children, n)
	case r.root != nil:
		return errors.New("there are two roots")
	default:
		r.root = n
	}
	r.open = append(r.open, n)
	return nil
}
