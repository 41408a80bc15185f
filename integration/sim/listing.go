package sim

import (
	"fmt"
	"html"
	"net/http"
	"strings"
)

// serveFolder answers GET with an HTML listing and HEAD with nothing (puppetlabs-sccm tells files from folders by that).
func (d *DP) serveFolder(w *recorder, r *http.Request, dir *folder) {
	d.mu.Lock()
	listing := d.listing
	d.mu.Unlock()
	if !listing {
		w.fail(http.StatusForbidden, 14)
		return
	}
	page := ""
	if r.Method == http.MethodGet {
		page = dir.html(r.Host)
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	w.WriteHeader(http.StatusOK)
	if page != "" {
		_, _ = w.Write([]byte(page)) // the log has noted it
	}
}

// html is the listing. Its oddities are those that published tools depend on (sccm-http-looter): "&gt" without its
// semicolon, absolute http links even over https, lower-case am and pm, the day padded with a blank, and in DataLib a
// backslash before the last name of the visible text.
func (f *folder) html(host string) string {
	var b strings.Builder
	title := html.EscapeString(host + " - " + f.path + "/")
	fmt.Fprintf(&b, "<html><head><title>%s</title></head><body><H1>%s</H1><hr>\r\n\r\n<pre>", title, title)
	for _, e := range f.entries {
		when, size := f.modTime, "&lt;dir&gt"
		if e.file != nil {
			when, size = e.file.ModTime, fmt.Sprint(e.file.Size)
		}
		base := "http://" + host
		link := base + escapePath(f.path+"/"+e.name)
		text := base + f.path + "/" + e.name
		if f.dataLib {
			text = base + f.path + `\` + e.name
		}
		stamp := fmt.Sprintf("%d/%2d/%d  %8s", when.Month(), when.Day(), when.Year(), when.Format("3:04 pm"))
		fmt.Fprintf(&b, "%s %20s <a href=\"%s\">%s</a><br>", stamp, size, html.EscapeString(link), html.EscapeString(text))
	}
	b.WriteString("</pre><hr></body></html>")
	return b.String()
}
