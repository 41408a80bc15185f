package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// session is a client's conversation: at most one connection at a time, written by hand, because what is tested is which
// bytes a client sends: the order of headers, the raw target, absolute-form. It is used by one goroutine.
type session struct {
	ctx    context.Context // of the download that the session belongs to
	config *ClientConfig
	result *Result

	conn net.Conn // nil: none
	in   *bufio.Reader
	to   string // scheme and host that conn leads to
	stop func() bool

	reached net.Conn // the connection that the last request was sent on
}

// headerField is one header line.
type headerField struct{ name, value string }

// call is one request.
type call struct {
	method, url string
	fields      []headerField // in this order
	hostLast    bool          // BITS sends Host at the end
	secret      bool          // the query is a secret
}

// shown is the URL as errors and results may show it.
func (c call) shown() string { return shownURL(c.url, c.secret) }

func shownURL(url string, secret bool) string {
	stem, _, queried := strings.Cut(url, "?")
	if !secret || !queried {
		return url
	}
	return stem + "?[secret]"
}

func newSession(ctx context.Context, c *ClientConfig, r *Result) *session {
	return &session{ctx: ctx, config: c, result: r}
}

// send sends a request on the connection, which it makes when needed, and reads the head of the answer. The caller reads
// the body to its end, or drops the session's connection. When a connection that carried requests before turns out to be
// closed, the request is sent once more on a new one, as WinHTTP does; a login does not outlive its connection, and is not.
func (s *session) send(c call) (*http.Response, error) {
	used := s.conn
	resp, err := s.sendOnce(c)
	login := slices.ContainsFunc(c.fields, func(f headerField) bool { return f.name == "Authorization" })
	if err == nil || used == nil || login || s.reached != used || s.ctx.Err() != nil {
		return resp, err
	}
	s.result.Troubles = append(s.result.Troubles, fmt.Errorf("reused connection: %w", err))
	return s.sendOnce(c)
}

func (s *session) sendOnce(c call) (*http.Response, error) {
	scheme, host, target, err := splitURL(c.url)
	if err != nil {
		return nil, fmt.Errorf("send %s to %s: it is neither an http nor an https URL", c.method, c.shown())
	}
	if err := s.connect(scheme, host); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	if scheme == "http" && s.config.Proxy != nil {
		target = scheme + "://" + host + target
	}
	s.result.URL, s.reached = c.shown(), s.conn
	s.result.Requests++
	if _, err := io.WriteString(s.conn, s.head(c, host, target)); err != nil {
		s.drop()
		return nil, fmt.Errorf("send %s %s: %w", c.method, c.shown(), err)
	}
	resp, err := s.readHead(c.method)
	if err != nil {
		s.drop()
		return nil, fmt.Errorf("answer to %s %s: %w", c.method, c.shown(), err)
	}
	s.result.Status, s.result.Header = resp.StatusCode, resp.Header
	return resp, nil
}

// head is the request as it goes over the wire.
func (s *session) head(c call, host, target string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", c.method, target)
	if !c.hostLast {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	for _, f := range c.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	fmt.Fprintf(&b, "User-Agent: %s\r\n", s.config.UserAgent)
	if !s.config.Token.Empty() {
		value := strings.Replace(s.config.TokenFormat, "{token}", s.config.Token.Reveal(), 1)
		fmt.Fprintf(&b, "%s: %s\r\n", s.config.TokenHeader, value)
	}
	for _, name := range slices.Sorted(maps.Keys(s.config.Header)) {
		for _, value := range s.config.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if c.hostLast {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	b.WriteString("\r\n")
	return b.String()
}

func (s *session) readHead(method string) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(s.in, &http.Request{Method: method})
		if err != nil {
			return nil, noEOF(err)
		}
		if resp.StatusCode >= 200 {
			return resp, nil
		}
	}
}

// noEOF turns the end of a connection where none may be into an error that cannot be mistaken for a complete body.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// finish reads what is left of an answer, so that the connection can be used again.
func (s *session) finish(resp *http.Response) {
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil || resp.Close {
		s.drop()
	}
}

// statusError is an answer that is not the one that was needed.
type statusError struct {
	status int
	doing  string
}

// Error implements error.
func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d %s", e.doing, e.status, http.StatusText(e.status))
}
