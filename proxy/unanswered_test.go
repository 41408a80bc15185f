package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"branchpoint/proxy"
)

// told is the line that the log has of a request.
type told struct {
	Level, Error string
	Status       int
	Aborted      bool
}

// requests returns the lines of all requests.
func (b *logBuffer) requests(t testing.TB) (list []told) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var l struct {
			told
			Msg string
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == "request" {
			list = append(list, l.told)
		}
	}
	return list
}

// counted returns a counter of the site, summed over the series with a label of that value; any when it is empty.
func (s *site) counted(name, value string) (sum float64) {
	s.Helper()
	families, err := s.metrics.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			matches := value == ""
			for _, l := range m.GetLabel() {
				matches = matches || l.GetValue() == value
			}
			if f.GetName() == name && matches {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestUnansweredIsTold: the log says why nothing was passed on, and repeats nothing that a client or a server said.
func TestUnansweredIsTold(t *testing.T) {
	var s *site
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "forbidden:") {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &proxy.ForbiddenError{Address: netip.MustParseAddrPort("169.254.169.254:80")}}
		}
		return s.dial(ctx, network, address)
	}
	s = newSite(t, options{config: proxy.Config{Dial: dial}})
	s.rawServer("closes:80", func(conn net.Conn) { head(conn) })
	s.rawServer("garbles:80", func(conn net.Conn) { head(conn); io.WriteString(conn, "secret\r\n\r\n") })
	s.rawServer("switches:80", func(conn net.Conn) {
		head(conn)
		io.WriteString(conn, "HTTP/1.1 101 secret\r\nConnection: upgrade\r\nUpgrade: secret\r\n\r\n")
	})
	s.rawServer("half:80", func(conn net.Conn) {
		head(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
	})
	s.rawServer("clear:443", func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 400 secret\r\n\r\n") })
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	s.add("example.com:443", untrusted.Listener.Addr().String())
	var want, got []told
	for _, tt := range []struct {
		method, target, reason string
		status                 int
	}{
		{"GET", "http://nobody/x?secret", "nobody:80: it does not accept connections", 502},
		{"GET", "http://closes/x?secret", "closes:80: it closed the connection", 502},
		{"GET", "http://garbles/x?secret", "garbles:80: its answer is not valid HTTP", 502},
		{"GET", "http://switches/x?secret", "switches:80: the answer has no final status", 502},
		{"GET", "http://half/x?secret", "half:80: its answer broke off", 200},
		{"GET", "https://clear/x?secret", "clear:443: it does not agree to TLS", 502},
		{"GET", "https://example.com/x?secret", "example.com:443: its certificate cannot be verified: x509: certificate signed by unknown authority", 502},
		{"GET", "http://forbidden/x?secret", "forbidden:80: its address is never dialled", 403},
		{"CONNECT", "nobody:443", "nobody:443: it does not accept connections", 502},
		{"CONNECT", "forbidden:443", "forbidden:443: its address is never dialled", 403},
	} {
		want = append(want, told{"WARN", "forwarding to " + tt.reason, tt.status, tt.status == 200})
		answer := s.raw().send("%s %s HTTP/1.1\r\nHost: x\r\nX-Token: secret\r\n\r\n", tt.method, tt.target).answer("GET")
		if broken := tt.status == 200; broken != (answer.err != nil) {
			t.Errorf("%s: %d bytes, %v", tt.target, len(answer.body), answer.err)
		} else if broken {
			continue
		}
		if answer.StatusCode != tt.status || (answer.Header.Get("Retry-After") != "") != (tt.status >= 500) {
			t.Errorf("%s: status %d, %v; want %d", tt.target, answer.StatusCode, answer.Header, tt.status)
		}
		if !strings.HasPrefix(string(answer.body), "Branchpoint: ") || answer.Header.Get("Via") != "1.1 here" {
			t.Errorf("%s: %v %q", tt.target, answer.Header, answer.body)
		}
	}
	s.stop() // every line is written
	got = s.log.requests(t)
	byError := func(a, b told) int { return strings.Compare(a.Error, b.Error) }
	slices.SortFunc(want, byError)
	slices.SortFunc(got, byError)
	if !slices.Equal(got, want) {
		t.Errorf("the log tells\n%v, want\n%v", got, want)
	}
	if strings.Contains(s.log.String(), "secret") {
		t.Errorf("the log repeats what was said:\n%s", s.log)
	}
	if failed, aborted := s.counted("branchpoint_requests_total", "failed"), s.counted("branchpoint_requests_total", "aborted"); failed != 8 || aborted != 1 {
		t.Errorf("%v requests failed and %v were aborted, want 8 and 1", failed, aborted)
	}
	if bad := s.counted("branchpoint_requests_total", "certificate"); bad != 1 {
		t.Errorf("%v requests met a bad certificate, want 1", bad)
	}
}

// TestClientLeavesWhileItIsForwarded: that is nobody's failure.
func TestClientLeavesWhileItIsForwarded(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	inMemory(t, silent, options{}, func(t *testing.T, s *site, c net.Conn) {
		fmt.Fprint(c, "GET http://mp/x HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		c.Close()
		synctest.Wait()
		if got, want := s.log.requests(t), (told{Level: "INFO", Aborted: true}); len(got) != 1 || got[0] != want {
			t.Errorf("the log tells %v, want %v", got, want)
		}
		if left, failures := s.counted("branchpoint_requests_total", "left"), s.counted("branchpoint_forward_failures_total", ""); left != 1 || failures != 0 {
			t.Errorf("%v requests left and %v failures, want 1 and 0", left, failures)
		}
	})
}
