package sim

import (
	"fmt"
	"net/http"
	"strings"
)

// The requests of a BITS job and what BITS demands of the answers (win32 docs "HTTP Requirements for BITS Downloads").

// fields are the headers of a request in the order of a public capture; more come between Accept-Encoding and User-Agent.
func (t *bitsJob) fields(more ...headerField) []headerField {
	connection, coding := "Connection", "identity"
	if t.bits.config.Proxy != nil && !strings.HasPrefix(t.url, "https:") { // within a tunnel nobody talks to the proxy
		connection = "Proxy-Connection"
	}
	if t.bits.config.PeerDist {
		coding = "identity, peerdist"
		more = append(more, headerField{"X-P2P-PeerDist", "Version=1.1"},
			headerField{"X-P2P-PeerDistEx", "MinContentInformation=1.0, MaxContentInformation=2.0"})
	}
	f := []headerField{{connection, "Keep-Alive"}, {"Accept", "*/*"}, {"Accept-Encoding", coding}}
	return append(f, more...)
}

func (t *bitsJob) call(method string, fields []headerField) call {
	return call{method: method, url: t.url, fields: fields, hostLast: true, secret: t.renew != nil}
}

func (t *bitsJob) shown() string { return shownURL(t.url, t.renew != nil) }

func (t *bitsJob) get(more ...headerField) (*http.Response, error) {
	if t.modified != "" {
		more = append([]headerField{{"If-Unmodified-Since", t.modified}}, more...)
	}
	return t.session.ask(t.call(http.MethodGet, t.fields(more...)))
}

// head learns size and time.
func (t *bitsJob) head() error {
	resp, err := t.session.ask(t.call(http.MethodHead, t.fields()))
	if err != nil {
		return err
	}
	defer t.session.finish(resp)
	if resp.StatusCode != http.StatusOK {
		return bitsStatus(resp.StatusCode, "HEAD "+t.shown())
	}
	if resp.ContentLength < 0 {
		return &BITSError{bitsMissingFileSize, "HEAD tells no size"}
	}
	t.truth.restart() // only now: what the DP answers with was published before
	if err := t.truth.size(resp.ContentLength); err != nil {
		return err
	}
	t.size, t.modified, t.known = resp.ContentLength, resp.Header.Get("Last-Modified"), true
	return nil
}

// block asks for the next range.
func (t *bitsJob) block() error {
	want := span{t.off, t.size - t.off}
	if t.bits.config.BlockSize != WholeFile {
		want.length = min(want.length, t.bits.config.BlockSize)
	}
	resp, err := t.get(headerField{"Range", fmt.Sprintf("bytes=%d-%d", want.start, want.end()-1)})
	if err != nil {
		return err
	}
	if err := t.checkRange(resp, want); err != nil {
		return err
	}
	return t.take(resp, want)
}

// whole asks for everything. What came before counts for nothing.
func (t *bitsJob) whole() error {
	t.off = 0
	resp, err := t.get()
	if err != nil {
		return err
	}
	if err := t.unchanged(resp); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return bitsStatus(resp.StatusCode, "GET "+t.shown())
	}
	if resp.ContentLength != t.size {
		return fmt.Errorf("the answer has %d bytes, the file %d: %w", resp.ContentLength, t.size, errChanged)
	}
	return t.take(resp, span{0, t.size})
}

func (t *bitsJob) take(resp *http.Response, want span) error {
	if _, err := receive(resp.Body, t.truth, want.start, want.length, t.arrived); err != nil {
		return err
	}
	if err := expectEnd(resp.Body); err != nil {
		return err
	}
	t.session.finish(resp)
	return nil
}

// checkRange is what BITS wants of the answer to a range.
func (t *bitsJob) checkRange(resp *http.Response, want span) error {
	if err := t.unchanged(resp); err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK:
		if want == (span{0, t.size}) && resp.ContentLength == t.size {
			return nil
		}
		return &BITSError{bitsInsufficientRange, "200 to a range"}
	default:
		return bitsStatus(resp.StatusCode, "GET "+t.shown())
	}
	header := resp.Header.Get("Content-Range")
	if header == "" || resp.ContentLength < 0 {
		return &BITSError{bitsInsufficientRange, "206 without Content-Range or Content-Length"}
	}
	got, total, err := parseContentRange(header)
	if err != nil {
		return &BITSError{bitsInvalidResponse, err.Error()}
	}
	if total != t.size {
		return fmt.Errorf("the total is %d, the size was %d: %w", total, t.size, errChanged)
	}
	if got != want || resp.ContentLength != want.length {
		return &BITSError{bitsInvalidResponse, fmt.Sprintf("asked for bytes %d-%d, got %q with %d bytes",
			want.start, want.end()-1, header, resp.ContentLength)}
	}
	return nil
}

// unchanged looks for the signs that the file is another one, or not the file at all.
func (t *bitsJob) unchanged(resp *http.Response) error {
	if resp.StatusCode == http.StatusPreconditionFailed {
		return fmt.Errorf("status 412: %w", errChanged)
	}
	if resp.StatusCode/100 != 2 {
		return nil
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return &BITSError{bitsInvalidResponse, fmt.Sprintf("the body is coded as %q", coding)}
	}
	modified := resp.Header.Get("Last-Modified")
	if t.undated {
		t.modified, t.undated = modified, false
	}
	if modified != t.modified {
		return fmt.Errorf("modified %q, was %q: %w", modified, t.modified, errChanged)
	}
	return nil
}
