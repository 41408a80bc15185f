package upstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// item is one line of a list.
type item struct {
	href    string
	folder  bool
	size    int64     // of a file
	modTime time.Time // zero: it is not said
}

var errXML = errors.New("it is not well-formed XML")

// davResponse is what an answer to PROPFIND says of one file or folder (RFC 4918 §14.24).
type davResponse struct {
	Hrefs     []string  `xml:"DAV: href"`
	Status    string    `xml:"DAV: status"`
	Propstats []davStat `xml:"DAV: propstat"`
}

// davStat is a group of properties that have the same status.
type davStat struct {
	Status string `xml:"DAV: status"`
	Prop   struct {
		Collection *struct{} `xml:"DAV: resourcetype>collection"`
		// IsCollection is "1" for a folder: an extension that IIS has.
		IsCollection string `xml:"DAV: iscollection"`
		Length       string `xml:"DAV: getcontentlength"`
		Modified     string `xml:"DAV: getlastmodified"`
	} `xml:"DAV: prop"`
}

// readMultistatus reads an answer to PROPFIND. A list that leaves something out, or that is no multistatus, is an error, which does
// not quote it; so is a document type, which may hold entities, and more than so many lines.
func readMultistatus(text []byte, most int) (items []item, err error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	var open int
	for {
		token, err := d.Token()
		switch {
		case err == io.EOF && len(items) > 0:
			return items, nil
		case err == io.EOF:
			return nil, errors.New("it names nothing")
		case err != nil:
			return nil, errXML
		case len(items) > most:
			return nil, errTooMany
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("it has a document type")
		case xml.EndElement:
			open--
		case xml.StartElement:
			if open == 0 && (t.Name != xml.Name{Space: "DAV:", Local: "multistatus"} || len(items) > 0) {
				return nil, errors.New("it is no multistatus")
			}
			if open == 0 {
				open++
				continue
			}
			if t.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
				if d.Skip() != nil {
					return nil, errXML
				}
				continue
			}
			it, err := readResponse(d, t)
			if err != nil {
				return nil, err
			}
			items = append(items, it)
		}
	}
}

// readResponse reads what is said of one file or folder.
func readResponse(d *xml.Decoder, start xml.StartElement) (item, error) {
	var r davResponse
	if d.DecodeElement(&r, &start) != nil {
		return item{}, errXML
	}
	if len(r.Hrefs) != 1 || !isFine(r.Status) {
		return item{}, errors.New("it leaves something out")
	}
	it := item{href: strings.TrimSpace(r.Hrefs[0]), size: -1}
	it.folder = strings.HasSuffix(it.href, "/")
	for _, s := range r.Propstats {
		if !isFine(s.Status) {
			continue // properties that there are not
		}
		it.folder = it.folder || s.Prop.Collection != nil || strings.TrimSpace(s.Prop.IsCollection) == "1"
		if n, ok := parseDigits(strings.TrimSpace(s.Prop.Length)); ok {
			it.size = n
		}
		if at, err := http.ParseTime(strings.TrimSpace(s.Prop.Modified)); err == nil {
			it.modTime = at.UTC()
		}
	}
	if !it.folder && it.size < 0 {
		return item{}, errors.New("it has a file without a size")
	}
	return it, nil
}

// isFine tells whether a status line is that of success. There may be none.
func isFine(status string) bool {
	_, code, ok := strings.Cut(strings.TrimSpace(status), " ")
	return status == "" || ok && strings.HasPrefix(code, "2")
}
