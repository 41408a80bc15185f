package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestStatusOfSomethingElse asks what is no admin API. Each time one sentence has to say so.
func TestStatusOfSomethingElse(t *testing.T) {
	reply := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	speak := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, text)
			conn.Close()
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a web page":       {reply(200, "<html>"), "ADDR: the answer to /api/v1/status cannot be read, so that is not the admin API of a Branchpoint"},
		"another error":    {reply(404, "404 page not found"), "ADDR answers 404 Not Found; that is not the admin API of a Branchpoint"},
		"other JSON":       {reply(500, `{"error": "x"}`), "ADDR answers 500 Internal Server Error; that is not the admin API of a Branchpoint"},
		"a redirect":       {reply(302, ""), "ADDR answers 302 Found; that is not the admin API of a Branchpoint"},
		"another protocol": {speak("SSH-2.0-OpenSSH_9.2\r\n"), "ADDR breaks off or does not speak HTTP, so that is not the admin API of a Branchpoint: "},
		"nothing":          {speak(""), "ADDR breaks off or does not speak HTTP, so that is not the admin API of a Branchpoint: EOF"},
		"a cut answer": {speak("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
			"ADDR breaks off or does not speak HTTP, so that is not the admin API of a Branchpoint: unexpected EOF"},
		"a problem": {reply(421, `{"detail": "this server is not asked by this name"}`), "ADDR answers 421 Misdirected Request: this server is not asked by this name"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			address := server.Listener.Addr().String()
			wantFailure(t, exitFailure, strings.ReplaceAll(c.want, "ADDR", address), "status", "--address", address)
		})
	}
}

func TestStatusOfNoAddress(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "nonsense", "http://127.0.0.1:8081", "127.0.0.1:99999", "127.0.0.1:http", "127.0.0.1:0", ":",
		":8081", "[::1", "[::zz]:1", "127.0.0.1:8081/x", "a b:1", "user:s3cr3t@127.0.0.1:1"} {
		t.Run(address, func(t *testing.T) {
			const want = "status: --address is not an address; write host:port, such as 127.0.0.1:8081\nSee branchpoint --help."
			wantFailure(t, exitUsage, want, "status", "--address", address)
		})
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	address := closed.Addr().String()
	config := t.TempDir() + "/box.yaml"
	if err := os.WriteFile(config, []byte("admin: {address: '127.0.0.1:0', token_file: t}\ncache: {directory: c}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const chosen = "admin.address lets the system choose a port; --address says where to look"
	wantFailure(t, exitFailure, chosen, "status", "--config", config)
	wantFailure(t, exitFailure, chosen, "health", "--config", config)
	wantFailure(t, exitFailure, "no Branchpoint is running at "+address+" (--address says where else to look)", "status", "--address", address)
}

func TestUnanswered(t *testing.T) {
	for want, err := range map[string]error{
		"a:1 does not answer within 10s":                                fmt.Errorf("asking: %w", context.DeadlineExceeded),
		"there is no host of the name a (--address says where to look)": &net.DNSError{Name: "a", IsNotFound: true},
		"a:1 cannot be reached: no route to host":                       &net.OpError{Op: "dial", Err: fmt.Errorf("no route to host")},
	} {
		if got := unanswered("a:1", err); got.Error() != want {
			t.Errorf("%v is told as %q, want %q", err, got, want)
		}
	}
}

// wantFailure runs a command line that has to fail with one sentence, or one that begins so.
func wantFailure(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	var out, problems bytes.Buffer
	if got := run(args, &out, &problems); got != code {
		t.Errorf("%q exits with %d, want %d", args, got, code)
	}
	got := strings.TrimSuffix(problems.String(), "\n")
	if !strings.HasPrefix(got, "branchpoint: "+want) || strings.Count(got, "\n") != strings.Count(want, "\n") || out.Len() > 0 {
		t.Errorf("%q says %q and %q, want %q", args, got, out.String(), want)
	}
}
