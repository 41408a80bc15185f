package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// liar is an upstream that writes any bytes as its answer, and the right ones when it has no script.
type liar struct {
	net.Listener
	f *sim.File

	mu     sync.Mutex
	script string // with {body}
}

func (l *liar) set(script string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.script = script
}

// serve answers each connection once.
func (l *liar) serve() {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go l.answer(conn)
	}
}

func (l *liar) answer(conn net.Conn) {
	defer conn.Close()
	in := textproto.NewReader(bufio.NewReader(conn))
	line, err := in.ReadLine()
	if err != nil {
		return
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return
	}
	body := make([]byte, l.f.Size)
	if _, err := l.f.ReadAt(body, 0); err != nil && err != io.EOF {
		return
	}
	l.mu.Lock()
	text := l.script
	l.mu.Unlock()
	last := l.f.Size - 1
	if text == "" {
		text = "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nLast-Modified: Wed, 25 Nov 2020 16:46:48 GMT\r\n\r\n{body}"
		if strings.HasPrefix(header.Get("Range"), "bytes=0-") {
			text = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{last}/{size}\r\nContent-Length: {size}\r\n" +
				"Last-Modified: Wed, 25 Nov 2020 16:46:48 GMT\r\n\r\n{body}"
		}
	}
	if strings.HasPrefix(line, "HEAD ") {
		text, _, _ = strings.Cut(text, "{body}")
	}
	_, _ = io.WriteString(conn, strings.NewReplacer("{size}", fmt.Sprint(l.f.Size), "{last}", fmt.Sprint(last), "{body}", string(body)).Replace(text))
}

// TestBadAnswers: an upstream answers with what no server should. The client is told of an error or gets every byte, and
// nothing of it is kept: when the upstream has come to its senses, the next client gets every byte.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	_, f := library(t, 70_001)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	upstream := &liar{Listener: ln, f: f}
	go upstream.serve()
	b := startBox(t, nil, nil, "upstream: {connect_timeout: 1s, response_timeout: 1s, stall_timeout: 1s, give_up_after: 1s, cool_down: 10ms}\n")
	modified := "Last-Modified: Wed, 25 Nov 2020 16:46:48 GMT\r\n"
	ok, part := "HTTP/1.1 200 OK\r\n"+modified, "HTTP/1.1 206 Partial Content\r\n"+modified
	for i, c := range []struct{ name, script string }{
		{"two Content-Lengths", ok + "Content-Length: 5\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"Content-Length and chunked", ok + "Content-Length: {size}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"},
		{"no length at all", ok + "\r\nabc"},
		{"a body that is cut", ok + "Content-Length: {size}\r\n\r\nabc"},
		{"a Content-Range of another place", part + "Content-Range: bytes 5-{size}/{size}\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"a Content-Range of another size", part + "Content-Range: bytes 0-{last}/9{size}\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"a Content-Range of letters", part + "Content-Range: bytes all\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"no Content-Range", part + "Content-Length: {size}\r\n\r\n{body}"},
		{"a coding", ok + "Content-Encoding: gzip\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"an oversized header", ok + "X-A: " + strings.Repeat("a", 2<<20) + "\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"a broken header", ok + "no colon\r\nContent-Length: {size}\r\n\r\n{body}"},
		{"no HTTP", "hello\r\n\r\n"},
		{"nothing", "\r\n"},
		{"status 999", "HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n\r\nabc"},
		{"status 200 in words", "HTTP/1.1 two Hundred\r\n\r\n"},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"304", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"endless interim answers", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000)},
	} {
		url := fmt.Sprintf("http://%s/SMS_DP_SMSPKG$/Content_00000000-0000-0000-0000-%012d.1/x.cab", ln.Addr(), i)
		upstream.set(c.script)
		got, err := b.dialRaw().ask(http.MethodGet, rawGet(url, ""))
		if err == nil && got.status == http.StatusOK && (int64(len(got.body)) != f.Size || f.Mismatch(got.body, 0) >= 0) {
			t.Errorf("%s: a 200 with %d bytes that are not the file's", c.name, len(got.body))
		}
		if err == nil && got.status >= 400 && got.status < 500 {
			t.Errorf("%s: status %d, which ends a BITS job for good", c.name, got.status)
		}
		upstream.set("")
		var last answer
		eventually(t, 10*time.Second, c.name+": the next client gets the file", func() bool {
			last, err = b.dialRaw().ask(http.MethodGet, rawGet(url, ""))
			return err == nil && last.status == http.StatusOK
		})
		checkAnswer(t, c.name+", the next client", last, []int{http.StatusOK}, f)
	}
}
