package sim

import (
	"context"
	"fmt"
	"net/http"
)

// Plain downloads with one GET and no second thoughts, like a script. It is safe for concurrent use.
type Plain struct {
	config ClientConfig
}

// NewPlain checks the configuration.
func NewPlain(c ClientConfig) (*Plain, error) {
	if err := c.complete("simulated-client/1.0"); err != nil {
		return nil, err
	}
	return &Plain{config: c}, nil
}

// Get downloads a whole file, or with ranges each of them by a request of its own over one connection, and compares what
// came with the library. It does not retry. Result.File is set when all is right.
func (p *Plain) Get(ctx context.Context, url string, ranges ...Range) (r Result) {
	clock := startClock(&r)
	defer clock.stop()
	v, err := p.config.Library.truthOf(url)
	if err != nil {
		r.Err = err
		return r
	}
	s := newSession(ctx, &p.config, &r)
	defer s.drop()
	got := func(n int) error { clock.gotBytes(n); return nil }
	if len(ranges) == 0 {
		r.Err = getWhole(s, url, v, got)
	}
	for _, rng := range ranges {
		if r.Err == nil {
			r.Err = getRange(s, url, v, rng, got)
		}
	}
	if r.Err == nil {
		r.File = v.file()
	}
	return r
}

// getWhole is a GET without a Range: the task sequence and scripts do that.
func getWhole(s *session, url string, v *truth, got func(int) error) error {
	resp, err := s.ask(call{method: http.MethodGet, url: url, fields: []headerField{{"Accept", "*/*"}}})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		s.finish(resp)
		return &statusError{resp.StatusCode, "GET " + url}
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" {
		return fmt.Errorf("GET %s: the body is coded as %q", url, coding)
	}
	v.restart() // only now: what the DP answers with was published before
	if err := v.size(resp.ContentLength); err != nil {
		return fmt.Errorf("GET %s: %w", url, err)
	}
	return readBody(s, resp, v, span{0, resp.ContentLength}, got)
}

func getRange(s *session, url string, v *truth, rng Range, got func(int) error) error {
	spec := fmt.Sprintf("bytes=%d-", rng.Offset)
	if rng.Length >= 0 {
		spec += fmt.Sprint(rng.Offset + rng.Length - 1)
	}
	fields := []headerField{{"Accept", "*/*"}, {"Range", spec}}
	resp, err := s.ask(call{method: http.MethodGet, url: url, fields: fields})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusPartialContent {
		s.drop()
		return &statusError{resp.StatusCode, "GET " + url + " " + spec}
	}
	have, total, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return fmt.Errorf("GET %s %s: %w", url, spec, err)
	}
	if err := v.size(total); err != nil {
		return fmt.Errorf("GET %s %s: %w", url, spec, err)
	}
	want := span{rng.Offset, total - rng.Offset}
	if rng.Length >= 0 {
		want.length = min(want.length, rng.Length)
	}
	if have != want || resp.ContentLength != want.length {
		return fmt.Errorf("GET %s %s: got %q with %d bytes", url, spec, resp.Header.Get("Content-Range"), resp.ContentLength)
	}
	return readBody(s, resp, v, want, got)
}

func readBody(s *session, resp *http.Response, v *truth, want span, got func(int) error) error {
	if _, err := receive(resp.Body, v, want.start, want.length, got); err != nil {
		return err
	}
	if err := expectEnd(resp.Body); err != nil {
		return err
	}
	s.finish(resp)
	return nil
}
