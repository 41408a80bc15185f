package sim

import (
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
