package sim

import (
	"fmt"
	"net/http"
)

// serveSpans lets the faults strike that need a file, and sends what is left to send.
func (o *origin) serveSpans(w *recorder, r *http.Request, res resource, spans []span, ranged bool) {
	if !ranged {
		spans = []span{{0, res.size}}
	}
	p := makePlan(o.Faults.takeLate(r.Method, r.RequestURI, ranged, spans), spans)
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
	b := o.newBody(w, r, res, p)
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
