package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// start runs the command, and returns what it printed until its last line.
func start(t *testing.T, o serveCmd) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := o.Run(ctx, in)
		_ = in.Close()
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	var text strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "revive") {
			return text.String()
		}
	}
	t.Fatalf("it ended early:\n%s", text.String())
	return ""
}

func call(t *testing.T, c *http.Client, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(text)
}

func TestSimsite(t *testing.T) {
	dir := t.TempDir()
	o := serveCmd{Host: "localhost", Control: "127.0.0.1:0", CAFile: filepath.Join(dir, "ca.pem"), Token: filepath.Join(dir, "token"),
		Header: "X-Token", Format: "T {token}", Size: 1 << 20}
	text := start(t, o)
	token, err := os.ReadFile(o.Token)
	if err != nil || len(token) == 0 || strings.Contains(text, string(token)) {
		t.Fatalf("token of %d bytes, %v, printed: %v", len(token), err, strings.Contains(text, string(token)))
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}

	https := regexp.MustCompile(`https://localhost:\d+/CCMTOKENAUTH_\S+setup.exe`).FindString(text)
	if status, body := call(t, c, "GET", https, "", "X-Token", "T "+string(token)); status != 200 || len(body) != 1<<16 {
		t.Errorf("GET %s: %d, %d bytes", https, status, len(body))
	}
	plain := regexp.MustCompile(`0-1048575 '([^']+)'`).FindStringSubmatch(text)[1]
	control := regexp.MustCompile(`Control: +(\S+)`).FindStringSubmatch(text)[1]
	json := []string{"Content-Type", "application/json"}
	steps := []struct {
		method, path, body string
		header             []string
		control, dp        int // statuses; 0 is no answer
	}{
		{"POST", "/dp/DP4/faults", `{"kind":"status","status":502}`, nil, 415, 200},
		{"POST", "/dp/DP4/faults", `{"kind":"nonsense"}`, json, 400, 200},
		{"POST", "/dp/DP4/faults", `{"kind":"reset","misspelt":1}`, json, 400, 200},
		{"POST", "/dp/DP9/kill", ``, json, 404, 200},
		{"POST", "/dp/DP4/faults", `{"kind":"status","status":502}`, json, 204, 502},
		{"DELETE", "/dp/DP4/faults", ``, json, 204, 200},
		{"POST", "/dp/DP4/kill", ``, json, 204, 0},
		{"POST", "/dp/DP4/revive", ``, json, 204, 200},
	}
	for _, s := range steps {
		if status, body := call(t, c, s.method, control+s.path, s.body, s.header...); status != s.control {
			t.Errorf("%s %s %s: %d %s, want %d", s.method, s.path, s.body, status, body, s.control)
		}
		if status, _ := call(t, c, "GET", plain, ""); status != s.dp {
			t.Errorf("after %s %s %s the DP answers %d, want %d", s.method, s.path, s.body, status, s.dp)
		}
	}
	if status, body := call(t, c, "GET", control+"/status", ""); status != 200 || !strings.Contains(body, `"tokens_shown":1`) {
		t.Errorf("status: %d %s", status, body)
	}
}

func TestRunRefuses(t *testing.T) {
	good := serveCmd{Host: "127.0.0.1", Control: "127.0.0.1:0", CAFile: filepath.Join(t.TempDir(), "ca.pem"), Header: "A", Format: "{token}"}
	for name, change := range map[string]func(*serveCmd){
		"control for everybody": func(o *serveCmd) { o.Control = "0.0.0.0:0" },
		"no token in format":    func(o *serveCmd) { o.Format = "Bearer" },
		"no such folder":        func(o *serveCmd) { o.CAFile = filepath.Join(o.CAFile, "no", "such") },
		"negative rate":         func(o *serveCmd) { o.RTT, o.Rate = 1, -1 },
		"negative size":         func(o *serveCmd) { o.Size = -1 << 20 },
	} {
		o := good
		change(&o)
		if err := o.Run(t.Context(), io.Discard); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}
