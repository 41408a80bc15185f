package ccm

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func testCarrier(t testing.TB) carrier {
	return carrier{testTransport(t), 5 * time.Second, 1 << 16, defaultUserAgent}
}

// raw is a server that answers each connection with whatever serve writes.
func raw(t *testing.T, serve func(conn net.Conn, n int)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn, n)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		status string
		header string
		body   string
		kind   error
		note   string
	}{
		{"unauthorized", "401 Unauthorized", "", "", ErrExpired, ""},
		{"gateway does not take the token", "401 CMGService_Invalid_Token", "", "", ErrExpired, "CMGService_Invalid_Token"},
		{"bulk token expired", "401 Unauthorized", "", "PreAuth token validation failed", ErrExpired, "PreAuth token validation failed"},
		{"connector", "401 CMGConnector_Unauthorized", "", "", ErrGateway, "CMGConnector_Unauthorized"},
		{"Negotiate", "401 Unauthorized", "WWW-Authenticate: Negotiate\r\n", "", ErrWindowsRequired, ""},
		{"NTLM", "401 Unauthorized", "WWW-Authenticate: NTLM TlRM\r\n", "", ErrWindowsRequired, ""},
		{"bearer", "401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "", ErrExpired, ""},
		{"certificate at IIS", "403 Client certificate required", "", "", ErrCertificateRequired, "Client certificate required"},
		{"certificate in the page", "403 Forbidden", "", "<h2>403.7 - Forbidden</h2>", ErrCertificateRequired, "403.7"},
		{"certificate behind the gateway", "403 CMGConnector_Clientcertificaterequired", "", "", ErrCertificateRequired, "CMGConnector_Clientcertificaterequired"},
		{"forbidden", "403 Forbidden", "", "", ErrForbidden, ""},
		{"redirect", "302 Found", "Location: /x\r\n", "", ErrRedirected, ""},
		{"not modified without being asked", "304 Not Modified", "", "", ErrRedirected, ""},
		{"missing", "404 Not Found", "", "", ErrProtocol, ""},
		{"verb", "405 Method Not Allowed", "", "", ErrProtocol, ""},
		{"accepted", "202 Accepted", "", "", ErrProtocol, ""},
		{"error", "500 CMGConnector_InternalServerError", "", "", ErrServer, "CMGConnector_InternalServerError"},
		{"unavailable", "503 Service Unavailable", "", "", ErrServer, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := raw(t, func(conn net.Conn, _ int) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 "+c.status+"\r\n"+c.header+"Connection: close\r\n\r\n"+c.body+canary)
			})
			_, err := testCarrier(t).do(t.Context(), call{op: "test", method: http.MethodGet, url: url})
			e, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, c.kind) || e.Note != c.note {
				t.Errorf("got %v, want %v with %q", err, c.kind, c.note)
			}
			clean(t, "the error", err, canary)
		})
	}
}

// TestUnreachable checks answers that do not come or do not end.
func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_ = closed.Close()
	for _, c := range []struct {
		name string
		url  func(t *testing.T) string
		says string
	}{
		{"nobody listens", func(*testing.T) string { return "http://" + closed.Addr().String() }, "dial tcp"},
		{"cut in the header", func(t *testing.T) string {
			return raw(t, func(conn net.Conn, _ int) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 O")
			})
		}, "broken"},
		{"cut in the body", func(t *testing.T) string {
			return raw(t, func(conn net.Conn, _ int) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
			})
		}, "cut short"},
		{"not HTTP, and full of secrets", func(t *testing.T) string {
			return raw(t, func(conn net.Conn, _ int) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, canary+"\r\n\r\n")
			})
		}, "broken"},
		{"never answers", func(t *testing.T) string {
			return raw(t, func(conn net.Conn, _ int) { _, _ = io.Copy(io.Discard, conn) }) // until the client goes
		}, "too long"},
		{"never ends", func(t *testing.T) string {
			return raw(t, func(conn net.Conn, _ int) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
				_, _ = io.Copy(io.Discard, conn)
			})
		}, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			carrier := testCarrier(t)
			if c.says == "too long" {
				carrier.timeout = 50 * time.Millisecond
			}
			_, err := carrier.do(t.Context(), call{op: "test", method: http.MethodGet, url: c.url(t)})
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, ErrUnreachable, c.says)
			}
			for ; err != nil; err = errors.Unwrap(err) { // whoever prints the chain prints all of it
				clean(t, "the error", err, canary)
				if _, inner := errors.AsType[*net.OpError](err); inner {
					t.Errorf("what the network said can be had by unwrapping %v", err)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := testCarrier(t).do(ctx, call{op: "test", method: http.MethodGet, url: "http://127.0.0.1:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gives up gets %v", err)
	}
}

// TestDeadConnection checks that a message is sent again, once, when the server has closed a connection in the meantime:
// net/http does not do that for CCM_POST.
func TestDeadConnection(t *testing.T) {
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	var connections atomic.Int32
	url := raw(t, func(conn net.Conn, n int) {
		connections.Store(int32(n))
		r := bufio.NewReader(conn)
		for range 2 {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil || string(body) != "message" {
				t.Errorf("the message came as %q (%v)", body, err)
			}
			if n == 1 && req.Header.Get("Second") != "" {
				return // as if the connection had been closed when the request was on its way
			}
			_, _ = io.WriteString(conn, answer)
		}
	})
	carrier := testCarrier(t)
	for i, h := range []http.Header{{}, {"Second": {"1"}}} {
		got, err := carrier.do(t.Context(), call{op: "test", method: "CCM_POST", url: url, header: h, body: []byte("message")})
		if err != nil || string(got.body) != "ok" {
			t.Fatalf("message %d: %q (%v)", i+1, got.body, err)
		}
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// TestNewConnectionIsNotRepeated checks that a server that drops new connections is asked once.
func TestNewConnectionIsNotRepeated(t *testing.T) {
	var asked atomic.Int32
	url := raw(t, func(conn net.Conn, n int) {
		asked.Add(1)
		_, _ = http.ReadRequest(bufio.NewReader(conn))
	})
	_, err := testCarrier(t).do(t.Context(), call{op: "test", method: "CCM_POST", url: url, body: []byte("message")})
	if !errors.Is(err, ErrUnreachable) || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestTransport(t *testing.T) {
	if _, err := NewTransport(TransportConfig{TLS: &tls.Config{InsecureSkipVerify: true}}); err == nil {
		t.Error("a transport that verifies nothing is made")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("Accept-Encoding"))
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := testCarrier(t).do(t.Context(), call{op: "test", method: http.MethodGet, url: server.URL})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server of an unknown authority gives %v", err)
	}
	transport, err := NewTransport(TransportConfig{TLS: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	must(t, err)
	defer transport.CloseIdleConnections()
	carrier := testCarrier(t)
	carrier.transport = transport
	got, err := carrier.do(t.Context(), call{op: "test", method: http.MethodGet, url: server.URL})
	if err != nil || string(got.body) != "HTTP/1.1 " {
		t.Errorf("got %q (%v), want HTTP/1.1 without compression", got.body, err)
	}
}
