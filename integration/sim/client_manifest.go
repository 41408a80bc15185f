package sim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// manifestFile is one file of a content, as PROPFIND tells it.
type manifestFile struct {
	rel  string // path in the content, not escaped
	size int64
}

// manifestLimit bounds an answer: ten thousand files are a few MB.
const manifestLimit = 64 << 20

// fetchManifest asks for the list of files at a location. Body, Depth and the exact answer are not public; this is RFC 4918
// as a recursive downloader would use it.
func fetchManifest(s *session, location string) ([]manifestFile, error) {
	resp, err := s.ask(call{method: "PROPFIND", url: location, fields: []headerField{
		{"Accept", "*/*"}, {"Depth", "infinity"}, {"Content-Length", "0"},
	}})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusMultiStatus {
		s.finish(resp)
		return nil, &statusError{resp.StatusCode, "PROPFIND " + location}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, manifestLimit))
	if err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w", location, noEOF(err))
	}
	s.finish(resp)
	files, err := parseManifest(text, location)
	if err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w", location, err)
	}
	return files, nil
}

type multistatus struct {
	Responses []struct {
		Href string `xml:"DAV: href"`
		Prop struct {
			Collection *struct{} `xml:"DAV: resourcetype>collection"`
			Length     string    `xml:"DAV: getcontentlength"`
		} `xml:"DAV: propstat>prop"`
	} `xml:"DAV: response"`
}

var errForeign = errors.New("an href lies outside of the content")

// parseManifest reads a multistatus. Hrefs may carry another scheme and host than the location, as those of listings do.
func parseManifest(text []byte, location string) ([]manifestFile, error) {
	var m multistatus
	if err := xml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("multistatus: %w", err)
	}
	root := strings.TrimRight(unescape(originForm(location)), "/") + "/"
	var files []manifestFile
	for _, r := range m.Responses {
		if r.Prop.Collection != nil {
			continue
		}
		path := unescape(originForm(r.Href))
		if len(path) <= len(root) || !strings.EqualFold(path[:len(root)], root) {
			return nil, fmt.Errorf("%q: %w", r.Href, errForeign)
		}
		size, ok := parseDigits(r.Prop.Length)
		if !ok {
			return nil, fmt.Errorf("%q has the length %s", r.Href, strconv.Quote(r.Prop.Length))
		}
		files = append(files, manifestFile{rel: path[len(root):], size: size})
	}
	return files, nil
}

// sccmURL is the URL by which clients ask for a file of a content: the name travels in the query (SupportArticles "Track
// the software update deployment process"). How clients escape it is not public; here each segment is escaped.
func sccmURL(location, rel string) string {
	return strings.TrimRight(location, "/") + "/sccm?/" + escapePath(rel)
}

// checkManifest compares a manifest with the library.
func checkManifest(l *Library, location string, files []manifestFile) error {
	t, err := parseTarget(location)
	if err != nil {
		return fmt.Errorf("location %s: %w", location, err)
	}
	sizes := map[string]int64{}
	for _, f := range files {
		sizes[strings.ToLower(f.rel)] = f.size
	}
	return l.matchManifest(t.segment, sizes)
}
