package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// ready is what "serve --json" tells.
type ready struct {
	Servers []struct {
		Name, HTTP, HTTPS string
	}
	Contents map[string]int64
	Control  string
}

// parse understands a command line, as main does.
func parse(t *testing.T, args ...string) *cli {
	t.Helper()
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return &c
}

// startJSON runs the site until the test ends.
func startJSON(t *testing.T, args ...string) (r ready) {
	t.Helper()
	c := parse(t, append([]string{"--json"}, args...)...)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := c.Serve.Run(ctx, in)
		_ = in.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return r
}

// fetch runs the command, and returns its report and its error.
func fetch(t *testing.T, args ...string) (r report, err error) {
	t.Helper()
	var out bytes.Buffer
	c := parse(t, append([]string{"fetch", "--size=2000000", "--retries=1", "--retry-delay=1ms"}, args...)...)
	err = c.Fetch.Run(t.Context(), &out)
	if out.Len() > 0 {
		if problem := json.Unmarshal(out.Bytes(), &r); problem != nil {
			t.Errorf("%s: %v", out.Bytes(), problem)
		}
	}
	return r, err
}

func TestFetch(t *testing.T) {
	dir := t.TempDir()
	ca, token, socket := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token"), filepath.Join(dir, "control")
	if ln, err := net.Listen("unix", socket); err == nil {
		ln.Close()
	} else if runtime.GOOS == "windows" {
		t.Skipf("a Windows without sockets in the file system: %v", err)
	}
	site := startJSON(t, "--size=2000000", "--ca-file="+ca, "--token="+token, "--control=unix:"+socket)
	first, anonymous := site.Servers[0], site.Servers[3]
	u, err := url.Parse(first.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	const plain, secure = "/SMS_DP_SMSPKG$/PS100010", "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100010"
	whole := site.Contents["PS100010.1"]
	for name, tt := range map[string]struct {
		args  []string
		bytes int64 // of all clients; 0: it must fail
	}{
		"bits":                {[]string{anonymous.HTTP + plain + "/sccm?/setup.exe"}, 125_000},
		"two files":           {[]string{"--client=plain", anonymous.HTTP + plain + "/setup.exe", anonymous.HTTP + plain + "/data/files.cab"}, 250_000},
		"three agents":        {[]string{"--client=ccm", "--clients=3", anonymous.HTTP + plain}, 3 * whole},
		"account":             {[]string{"--client=ts", "--login", first.HTTP + plain}, whole},
		"token":               {[]string{"--client=ts", "--ca-file=" + ca, "--token=" + token, first.HTTPS + secure}, whole},
		"elsewhere":           {[]string{"--client=ts", "--ca-file=" + ca, "--token=" + token, "--resolve=localhost:443=" + u.Host, "https://localhost" + secure}, whole},
		"second of two":       {[]string{"--client=ts", first.HTTP + plain, anonymous.HTTP + plain}, whole},
		"no account":          {[]string{"--client=ts", first.HTTP + plain}, 0},
		"no token":            {[]string{"--client=ts", "--ca-file=" + ca, first.HTTPS + secure}, 0},
		"unknown root":        {[]string{"--client=ts", "--token=" + token, first.HTTPS + secure}, 0},
		"one missing of two":  {[]string{anonymous.HTTP + plain + "/sccm?/setup.exe", anonymous.HTTP + plain + "/sccm?/none"}, 0},
		"another site's size": {[]string{"--size=3000000", anonymous.HTTP + plain + "/sccm?/setup.exe"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := fetch(t, tt.args...)
			if tt.bytes == 0 {
				if !errors.Is(err, errUnverified) || r.Verified || len(r.Clients) == 0 {
					t.Errorf("%v, %+v", err, r)
				}
				return
			}
			if err != nil || !r.Verified || r.Bytes != tt.bytes || r.Seconds <= 0 {
				t.Fatalf("%v, %+v", err, r)
			}
			for _, share := range r.Clients {
				for _, f := range share.Files {
					if len(f.SHA256) != 64 || f.Error != "" || (f.Issuer == "SMS Issuing") != strings.HasPrefix(f.URL, "https:") {
						t.Errorf("%+v", f)
					}
				}
			}
		})
	}
	checkSocket(t, socket)
}

// checkSocket uses the control endpoint as a test in another network namespace does.
func checkSocket(t *testing.T, path string) {
	t.Helper()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	if status, body := call(t, c, "GET", "http://site/requests", ""); status != 200 || !strings.Contains(body, `"UserAgent":"SMS CCM 5.0 TS"`) ||
		!strings.Contains(body, `"ServerName":"localhost"`) {
		t.Errorf("requests: %d %.500s", status, body)
	}
	for _, step := range []struct {
		header []string
		status int
		bytes  bool
	}{{nil, 415, true}, {[]string{"Content-Type", "application/json"}, 204, false}} {
		if status, body := call(t, c, "POST", "http://site/reset", "", step.header...); status != step.status {
			t.Errorf("reset: %d %s", status, body)
		}
		if _, body := call(t, c, "GET", "http://site/status", ""); strings.Contains(body, `"bytes":0,`) == step.bytes {
			t.Errorf("status after a reset with %q: %s", step.header, body)
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"nobody":         {"--clients=0"},
		"no such token":  {"--token=" + filepath.Join(dir, "none")},
		"no such roots":  {"--ca-file=" + filepath.Join(dir, "none")},
		"no roots in it": {"--ca-file=" + empty},
		"no port":        {"--resolve=dp=127.0.0.1"},
		"block":          {"--block=-3"},
		"proxy":          {"--proxy=ftp://x"},
	} {
		if r, err := fetch(t, append(args, "http://127.0.0.1:9/SMS_DP_SMSPKG$/PS100010/sccm?/setup.exe")...); err == nil || errors.Is(err, errUnverified) {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// TestFetchFromTheCloud: the location comes by the control endpoint and a file, and is in no output.
func TestFetchFromTheCloud(t *testing.T) {
	dir := t.TempDir()
	ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "location")
	site := startJSON(t, "--cloud", "--size=2000000", "--ca-file="+ca)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c, json := &http.Client{Transport: tr}, []string{"Content-Type", "application/json"}
	for name, tt := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"a web page":  {`{"client":"a","content":"PS100010"}`, nil, 415},
		"no client":   {`{"content":"PS100010"}`, json, 400},
		"misspelt":    {`{"client":"a","contents":"PS100010"}`, json, 400},
		"a good call": {`{"client":"a","content":"PS100010"}`, json, 200},
	} {
		status, body := call(t, c, "POST", site.Control+"/cloud/location", tt.body, tt.header...)
		if status != tt.status {
			t.Fatalf("%s: %d %s", name, status, body)
		}
		if status == 200 {
			if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := fetch(t, "--client=cloud", "--no-head", "--ca-file="+ca, file)
	if err != nil || r.Bytes != site.Contents["PS100010.1"] || strings.Contains(fmt.Sprintf("%+v", r), "sig=") {
		t.Errorf("%v, %+v", err, r)
	}
	for _, step := range []struct {
		path, body string
		status     int
		ok         bool // the client still gets everything
	}{
		{"/dp/storage/certificate", `"expired"`, 204, false},
		{"/dp/storage/certificate", `"rotten"`, 400, false},
		{"/dp/storage/certificate", `"good"`, 204, true},
		{"/dp/cloud/faults", `{"kind":"status"}`, 204, false},
	} {
		if status, body := call(t, c, "POST", site.Control+step.path, step.body, json...); status != step.status {
			t.Errorf("%s %s: %d %s", step.path, step.body, status, body)
		}
		if r, err := fetch(t, "--client=cloud", "--ca-file="+ca, file); (err == nil) != step.ok || strings.Contains(fmt.Sprintf("%+v", r), "sig=") {
			t.Errorf("after %s %s: %v, %+v", step.path, step.body, err, r)
		}
	}
	if err := os.WriteFile(file, []byte(`{"url":5}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{file}, {filepath.Join(dir, "none")}, {ca, ca}} {
		if _, err := fetch(t, append([]string{"--client=cloud"}, args...)...); err == nil || errors.Is(err, errUnverified) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestPlaces: each DP at a place of its own, on ports that are the same everywhere.
func TestPlaces(t *testing.T) {
	c := parse(t, "--any-address", "--https-port=444", "--place=dp1.test=192.0.2.1", "--place=dp2.test=192.0.2.2", "--place=dp3.test=2001:db8::3",
		"--place=dp4.test=192.0.2.4", "--size=2000000")
	config, err := c.Serve.config()
	if err != nil || len(config.Places) != 4 || !config.AnyAddress || config.Host != "" || config.Places[2].HTTPAddr != "[2001:db8::3]:80" ||
		config.Places[1].HTTPSAddr != "192.0.2.2:444" || config.Places[0].Host != "dp1.test" {
		t.Errorf("%v, %+v", err, config)
	}
	both := parse(t, "--cloud-place=cmg.test=192.0.2.5", "--cloud-place=blob.test=192.0.2.6", "--blob-life=5m")
	if at, err := both.Serve.cloud(); err != nil || at.Service.Host != "cmg.test" || at.Storage.HTTPSAddr != "192.0.2.6:443" || at.BlobLife != 5*time.Minute {
		t.Errorf("%+v, %v", at, err)
	}
	c.Serve.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	for name, change := range map[string]func(*serveCmd){
		"three places":    func(c *serveCmd) { c.Place = c.Place[:3] },
		"no address":      func(c *serveCmd) { c.Place[0] = "dp1.test" },
		"not an address":  func(c *serveCmd) { c.Place[0] = "dp1.test=dp" },
		"half a cloud":    func(c *serveCmd) { c.CloudPlace = []string{"cmg.test=192.0.2.5"} },
		"cloud nowhere":   func(c *serveCmd) { c.CloudPlace = []string{"cmg.test", "blob.test"} },
		"not on loopback": func(c *serveCmd) { c.AnyAddress = false },
	} {
		serve := c.Serve
		serve.Place = append([]string(nil), c.Serve.Place...)
		change(&serve)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := serve.Run(ctx, io.Discard); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}
