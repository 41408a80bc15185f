package sim

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Prop is one line of an answer to PROPFIND.
type Prop struct {
	// Href is the absolute, escaped URL; it ends in "/" for a folder.
	Href string
	// Folder says which of the two it is.
	Folder bool
	// Size in bytes, of a file.
	Size int64
	// ModTime is the Last-Modified time.
	ModTime time.Time
}

// PropWriter writes the body of a 207. What the DP's ISAPI extension really writes is not public, so it can be replaced.
type PropWriter func(w io.Writer, props []Prop) error

// SetPropWriter replaces the body of answers to PROPFIND. Nil restores WriteMultistatus.
func (d *DP) SetPropWriter(write PropWriter) {
	if write == nil {
		write = WriteMultistatus
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.propWriter = write
}

// WriteMultistatus writes the body that RFC 4918 asks for, with the properties that a recursive downloader needs.
func WriteMultistatus(w io.Writer, props []Prop) error {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">`)
	for _, p := range props {
		b.WriteString("<D:response><D:href>")
		_ = xml.EscapeText(&b, []byte(p.Href)) // a Builder never fails
		b.WriteString("</D:href><D:propstat><D:status>HTTP/1.1 200 OK</D:status><D:prop>")
		if p.Folder {
			b.WriteString("<D:resourcetype><D:collection/></D:resourcetype><D:iscollection>1</D:iscollection>")
		} else {
			fmt.Fprintf(&b, "<D:resourcetype/><D:iscollection>0</D:iscollection><D:getcontentlength>%d</D:getcontentlength>",
				p.Size)
		}
		fmt.Fprintf(&b, "<D:getlastmodified>%s</D:getlastmodified></D:prop></D:propstat></D:response>",
			p.ModTime.UTC().Format(http.TimeFormat))
	}
	b.WriteString("</D:multistatus>")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write a multistatus: %w", err)
	}
	return nil
}

// servePropfind answers with what lies at, and depending on Depth below, a content's file or folder.
func (d *DP) servePropfind(w *recorder, r *http.Request, t target) {
	d.mu.Lock()
	write, davRole := d.propWriter, d.davRole
	d.mu.Unlock()
	if davRole {
		w.fail(http.StatusMethodNotAllowed, 0)
		return
	}
	v, ok := d.resolve(t.segment)
	if t.area != areaContent || !ok {
		w.fail(http.StatusNotFound, 0)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	top := t
	top.rel = ""
	walk := propWalk{dp: d, version: v, base: scheme + "://" + r.Host + top.spelled()}
	if walk.start(t.rel, depthOf(r.Header.Get("Depth"))); len(walk.props) == 0 {
		w.fail(http.StatusNotFound, 0)
		return
	}
	var text strings.Builder
	if err := write(&text, walk.props); err != nil {
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", fmt.Sprint(text.Len()))
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = io.WriteString(w, text.String()) // the log has noted it
}

// depthOf is how many levels below the target are wanted. No header means all (RFC 4918 section 9.1).
func depthOf(header string) int {
	switch strings.TrimSpace(header) {
	case "0":
		return 0
	case "1":
		return 1
	}
	return 1 << 20
}

// propWalk collects the lines of an answer.
type propWalk struct {
	dp      *DP
	version *Version
	base    string
	props   []Prop
}

func (p *propWalk) start(rel string, depth int) {
	if f, ok := p.version.File(rel); ok {
		p.addFile(f)
		return
	}
	if _, ok := p.version.list(rel); ok {
		p.addFolder(rel, depth)
	}
}

func (p *propWalk) addFolder(rel string, depth int) {
	href := p.base + "/"
	if rel != "" {
		href += escapePath(rel) + "/"
	}
	p.props = append(p.props, Prop{Href: href, Folder: true, ModTime: p.dp.shift(newest(p.version))})
	if depth == 0 {
		return
	}
	entries, _ := p.version.list(rel)
	for _, e := range entries {
		if e.file != nil {
			p.addFile(e.file)
		} else {
			p.addFolder(e.path, depth-1)
		}
	}
}

func (p *propWalk) addFile(f *File) {
	p.props = append(p.props, Prop{Href: p.base + "/" + escapePath(f.Path), Size: f.Size, ModTime: p.dp.shift(f.ModTime)})
}

// escapePath escapes each segment of a path for a URL.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}
