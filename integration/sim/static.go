package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// serveFile answers GET and HEAD as the static-file handler of IIS does (RFC 9110 sections 13 and 14).
func (d *DP) serveFile(w *recorder, r *http.Request, res resource) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Last-Modified", res.modTime.Format(http.TimeFormat))
	h.Set("ETag", res.etag)
	h.Set("Accept-Ranges", "bytes")
	if status := precondition(r.Header, res); status != 0 {
		h.Del("Content-Type")
		if status == http.StatusPreconditionFailed {
			h.Set("Content-Length", "0")
		}
		w.WriteHeader(status)
		return
	}
	spans, ranged := parseRange(r.Header.Get("Range"), res.size)
	ranged = ranged && r.Method == http.MethodGet && ifRange(r.Header.Get("If-Range"), res)
	if ranged && res.size == 0 && d.config.EmptyRangeStatus == http.StatusOK {
		ranged = false
	}
	d.serveSpans(w, r, res, spans, ranged)
}

// serveSpans lets the faults strike that need a file, and sends what is left to send.
func (d *DP) serveSpans(w *recorder, r *http.Request, res resource, spans []span, ranged bool) {
	if !ranged {
		spans = []span{{0, res.size}}
	}
	p := makePlan(d.Faults.takeLate(r.Method, r.RequestURI, ranged, spans), spans)
	res.size = max(0, res.size+p.sizeDelta)
	if p.wholeFile {
		ranged = false
	}
	if p.sizeDelta != 0 && ranged {
		spans, _ = parseRange(r.Header.Get("Range"), res.size)
	}
	if !ranged {
		spans = []span{{0, res.size}}
	}
	if p.encoding != "" {
		w.Header().Set("Content-Encoding", p.encoding)
	}
	b := d.newBody(w, r, res, p)
	switch {
	case ranged && len(spans) == 0:
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", res.size))
		w.fail(http.StatusRequestedRangeNotSatisfiable, 0)
	case ranged && len(spans) > 1:
		b.sendMultipart(spans, p)
	case ranged:
		if !p.noContentRange {
			w.Header().Set("Content-Range", contentRange(spans[0], res.size, p))
		}
		b.sendOne(http.StatusPartialContent, spans[0])
	default:
		b.sendOne(http.StatusOK, spans[0])
	}
}

func contentRange(s span, size int64, p plan) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.start+p.startDelta, s.end()-1+p.startDelta, size+p.totalDelta)
}

// precondition is 304 or 412 when the request's conditions say so, in the order of RFC 9110 section 13.2.2, otherwise 0.
func precondition(h http.Header, res resource) int {
	if match := h.Get("If-Match"); match != "" {
		if !matches(match, res.etag) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := parseTime(h.Get("If-Unmodified-Since")); ok && res.modTime.After(since) {
		return http.StatusPreconditionFailed
	}
	if match := h.Get("If-None-Match"); match != "" {
		if matches(match, res.etag) {
			return http.StatusNotModified
		}
	} else if since, ok := parseTime(h.Get("If-Modified-Since")); ok && !res.modTime.After(since) {
		return http.StatusNotModified
	}
	return 0
}

func parseTime(s string) (time.Time, bool) {
	t, err := http.ParseTime(s)
	return t, err == nil
}

// matches looks for an ETag in a list. Weak ones compare by their text.
func matches(list, etag string) bool {
	tags := strings.Split(list, ",")
	return slices.ContainsFunc(tags, func(tag string) bool {
		tag = strings.TrimSpace(tag)
		return tag == "*" || strings.TrimPrefix(tag, "W/") == etag
	})
}

// ifRange says whether a Range counts: the validator is absent, or still the file's.
func ifRange(validator string, res resource) bool {
	if validator == "" || validator == res.etag {
		return true
	}
	t, ok := parseTime(validator)
	return ok && t.Equal(res.modTime)
}
