package sim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxXMLDepth = 32
	maxXMLNodes = 20_000
)

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
