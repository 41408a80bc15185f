package sim

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"strings"
)

// Range is a stretch of a file: Length bytes from Offset on. A negative Length reaches to the end of the file.
type Range struct{ Offset, Length int64 }

// DownloadRanges downloads stretches of a file with one request, as a job with AddFileWithRanges does, and compares them
// with the library. It enforces what BITS wants of a multipart answer, and does not retry. Result.File is set when every
// stretch is right.
func (b *BITS) DownloadRanges(ctx context.Context, url string, ranges ...Range) (r Result) {
	clock := startClock(&r)
	defer clock.stop()
	v, err := b.config.Library.truthOf(url)
	if err != nil {
		r.Err = err
		return r
	}
	t := &bitsJob{bits: b, url: url, truth: v, clock: clock, result: &r}
	t.session = newSession(ctx, &b.config.ClientConfig, &r)
	defer t.session.drop()
	if r.Err = t.ranges(ranges); r.Err == nil {
		r.File = v.file()
	}
	return r
}

func (t *bitsJob) ranges(ranges []Range) error {
	if err := t.head(); err != nil {
		return err
	}
	wants, err := absolute(ranges, t.size)
	if err != nil {
		return err
	}
	specs := make([]string, len(wants))
	for i, w := range wants {
		specs[i] = fmt.Sprintf("%d-%d", w.start, w.end()-1)
	}
	resp, err := t.get(headerField{"Range", "bytes=" + strings.Join(specs, ",")})
	if err != nil {
		return err
	}
	if len(wants) == 1 {
		if err := t.checkRange(resp, wants[0]); err != nil {
			return err
		}
		return t.take(resp, wants[0])
	}
	if err := t.unchanged(resp); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusPartialContent {
		return &BITSError{bitsInsufficientRange, fmt.Sprintf("status %d to several ranges", resp.StatusCode)}
	}
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" || params["boundary"] == "" || resp.ContentLength < 0 {
		return &BITSError{bitsInvalidResponse, "the answer to several ranges is no multipart/byteranges of known length"}
	}
	return t.parts(bufio.NewReader(resp.Body), params["boundary"], wants)
}

// absolute refuses what BITS refuses before it asks: ranges past the end of the file, or that overlap.
func absolute(ranges []Range, size int64) ([]span, error) {
	var spans []span
	for _, r := range ranges {
		s := span{r.Offset, r.Length}
		if r.Length < 0 {
			s.length = size - r.Offset
		}
		if s.start < 0 || s.length <= 0 || s.end() > size {
			return nil, &BITSError{bitsInvalidRange, fmt.Sprintf("range %+v of a file of %d bytes", r, size)}
		}
		for _, other := range spans {
			if s.start < other.end() && other.start < s.end() {
				return nil, &BITSError{bitsDuplicateRange, fmt.Sprintf("range %+v overlaps another one", r)}
			}
		}
		spans = append(spans, s)
	}
	if len(spans) == 0 {
		return nil, &BITSError{bitsInvalidRange, "no range"}
	}
	return spans, nil
}

// parts reads a multipart answer: each range a part of its own, in the order asked for.
func (t *bitsJob) parts(in *bufio.Reader, boundary string, wants []span) error {
	for i, want := range wants {
		limit := 1 // CRLF after the previous part's bytes
		if i == 0 {
			limit = 2
		}
		if err := readBoundary(in, "--"+boundary, limit); err != nil {
			return err
		}
		if err := t.partHeader(in, want); err != nil {
			return err
		}
		if _, err := receive(in, t.truth, want.start, want.length, t.arrived); err != nil {
			return err
		}
	}
	if err := readBoundary(in, "--"+boundary+"--", 1); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in) // an epilogue is legal
	return err
}

// readBoundary reads at most so many empty lines, and then the boundary.
func readBoundary(in *bufio.Reader, boundary string, empty int) error {
	for range empty + 1 {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("before boundary %q: %w", boundary, noEOF(err))
		}
		switch text := strings.TrimRight(string(line), " \t\r\n"); {
		case text == boundary && strings.HasSuffix(string(line), "\r\n"):
			return nil
		case string(line) != "\r\n":
			return &BITSError{bitsInvalidResponse, fmt.Sprintf("%.80q instead of boundary %q", line, boundary)}
		}
	}
	return &BITSError{bitsInvalidResponse, fmt.Sprintf("more than %d empty lines before a boundary", empty)}
}

// partHeader allows Content-Range, Content-Type and 180 bytes of other headers.
func (t *bitsJob) partHeader(in *bufio.Reader, want span) error {
	other, ranged := 0, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("header of a part: %w", noEOF(err))
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, _ := strings.Cut(text, ":")
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Content-Type":
		case "Content-Range":
			got, total, err := parseContentRange(strings.TrimSpace(value))
			if ranged = err == nil && got == want && total == t.size; !ranged {
				return &BITSError{bitsInvalidResponse, fmt.Sprintf("part %q, want bytes %d-%d of %d",
					value, want.start, want.end()-1, t.size)}
			}
		default:
			other += len(line)
		}
	}
	if !ranged || other > 180 {
		return &BITSError{bitsInvalidResponse, fmt.Sprintf("a part has %d bytes of other headers, Content-Range %v", other, ranged)}
	}
	return nil
}
