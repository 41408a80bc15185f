//go:build !windows

package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a running Branchpoint and what it says.
type program struct {
	*exec.Cmd
	t   *testing.T
	log *bufio.Scanner
}

// start runs the program with listeners that the system chooses.
func start(t *testing.T, more string) *program {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "branchpoint.yaml")
	text := "listeners: [{name: test, address: '127.0.0.1:0'}]\n" +
		"admin: {address: '127.0.0.1:0', token_file: admin.token}\ncache: {directory: cache, min_free_bytes: 0}\n" + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command("branchpoint", "serve", "--config", file), t: t} // TestMain put it into the path
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(30*time.Second, func() { _ = p.Process.Kill() })
	t.Cleanup(func() { watchdog.Stop() })
	return p
}

// says waits for a line with a text, and returns what follows it up to a quote.
func (p *program) says(text string) string {
	p.t.Helper()
	var seen []string
	for p.log.Scan() {
		seen = append(seen, p.log.Text())
		if _, rest, ok := strings.Cut(p.log.Text(), text); ok {
			rest, _, _ = strings.Cut(rest, `"`)
			return rest
		}
	}
	p.t.Fatalf("it does not say %q: %s", text, strings.Join(seen, "\n"))
	return ""
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func TestTerminate(t *testing.T) {
	p := start(t, "")
	p.says("clients can use the proxy ")
	p.signal(syscall.SIGTERM)
	p.says("shutting down")
	p.says("stopped")
	if err := p.Wait(); err != nil {
		t.Errorf("it ends with %v, want 0", err)
	}
}

// TestSecondSignal has a request that never ends, and an hour to wait for it.
func TestSecondSignal(t *testing.T) {
	asked, over := make(chan struct{}, 16), make(chan struct{})
	dp := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	defer dp.Close()
	defer close(over)
	p := start(t, "shutdown_timeout: 1h\n")
	proxy, err := url.Parse(p.says("clients can use the proxy "))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	got := make(chan error, 1)
	go func() {
		resp, err := client.Get(dp.URL + "/endless")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			err = errors.Join(err, resp.Body.Close())
		}
		got <- err
	}()
	<-asked
	p.signal(os.Interrupt)
	p.says("shutting down")
	p.signal(os.Interrupt)
	ended, ok := errors.AsType[*exec.ExitError](p.Wait())
	if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("it ends with %v, want it ended by the second signal", ended)
	}
	if err := <-got; err == nil {
		t.Error("a request that was cut looks whole")
	}
}
