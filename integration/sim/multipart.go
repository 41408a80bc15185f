package sim

import (
	"fmt"
	"io"
	"net/http"
)

// sendMultipart sends several stretches as multipart/byteranges, in the order asked for and never joined. The body begins
// with the first boundary, and a part has no headers but Content-Type and Content-Range: BITS allows no more than 180
// bytes of others (win32 docs "HTTP Requirements for BITS Downloads").
func (b *body) sendMultipart(spans []span, p plan) {
	boundary := "sim" + shortHash(fmt.Sprint(b.res.key, spans))
	heads := make([]string, len(spans))
	tail := "\r\n--" + boundary + "--\r\n"
	length := int64(len(tail))
	for i, s := range spans {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\n"
		if i == 0 {
			heads[i] = heads[i][2:]
		}
		if !p.noContentRange {
			heads[i] += "Content-Range: " + contentRange(s, b.res.size, p) + "\r\n"
		}
		heads[i] += "\r\n"
		length += int64(len(heads[i])) + s.length
	}
	b.w.Header().Set("Content-Type", "multipart/byteranges; boundary="+boundary)
	b.w.Header().Set("Content-Length", fmt.Sprint(length))
	b.w.WriteHeader(http.StatusPartialContent)
	b.end(b.sendParts(heads, spans, tail))
}

func (b *body) sendParts(heads []string, spans []span, tail string) error {
	for i, s := range spans {
		if _, err := io.WriteString(b.w, heads[i]); err != nil {
			return fmt.Errorf("send a part's header: %w", err)
		}
		if err := b.send(s); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(b.w, tail); err != nil {
		return fmt.Errorf("send the last boundary: %w", err)
	}
	return nil
}
