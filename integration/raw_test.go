package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// rawConn is a connection to the box on which a test writes every byte itself.
type rawConn struct {
	net.Conn
	in *bufio.Reader
}

// dialRaw connects to the box.
func (b *box) dialRaw() *rawConn {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.proxy.Host)
	must(b.t, err)
	b.t.Cleanup(func() { conn.Close() })
	must(b.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &rawConn{conn, bufio.NewReader(conn)}
}

// answer is one response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask writes a request and reads one answer to it.
func (c *rawConn) ask(method, request string) (answer, error) {
	if _, err := io.WriteString(c, request); err != nil {
		return answer{}, err
	}
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("the body of a %s: %w", resp.Status, err)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// rawGet is a GET in absolute-form with header lines, each with its line end.
func rawGet(url, headers string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: ignored.invalid\r\n%s\r\n", url, headers)
}

// askOnce asks on a connection of its own.
func (b *box) askOnce(t testing.TB, url, headers string) answer {
	t.Helper()
	got, err := b.dialRaw().ask(http.MethodGet, rawGet(url, headers))
	must(t, err)
	return got
}
