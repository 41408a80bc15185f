package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"branchpoint/proxy/authority"
)

// TestThisMachine has this very machine trust an authority, for real programs to see, and trust it no longer. It is good for
// "localhost" only, and its key is gone with the test.
func TestThisMachine(t *testing.T) {
	if os.Getenv("BRANCHPOINT_REQUIRE") == "" {
		t.Skip("it changes which certificates this machine trusts; BRANCHPOINT_REQUIRE=1 allows that")
	}
	oneAtATime(t)
	dir := filepath.Join(t.TempDir(), "ca")
	config := filepath.Join(t.TempDir(), "branchpoint.yaml")
	if err := os.WriteFile(config, []byte("distribution_points: [{url: 'https://localhost'}]\ninterception: {ca_directory: "+dir+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := func(verb string, want string) {
		t.Helper()
		out, err := exec.Command("branchpoint", "ca", verb, "--config", config).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("ca %s: %v, %s, want %q", verb, err, out, want)
		}
	}
	ca("init", "Made a certificate authority")
	url := serveLocalhost(t, dir)
	certs, err := authority.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := short(certs.Current)

	t.Cleanup(func() { _ = exec.Command("branchpoint", "ca", "untrust", "--config", config).Run() }) // when it ends in the middle
	clients(t, url, false)
	ca("trust", "This machine trusts Branchpoint CA ")
	ca("show", "│ yes ")
	clients(t, url, true)
	if found := traces(t, name); len(found) < 3 { // its file, and Debian's links
		t.Errorf("it is in %q only: traces are not found", found)
	}
	ca("untrust", "This machine no longer trusts Branchpoint CA ")
	ca("show", "│ no; branchpoint ca trust ")
	clients(t, url, false)
	if left := traces(t, name); len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
}

// oneAtATime waits until no other test changes what this machine trusts: Debian's program is not made for two at once.
func oneAtATime(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "branchpoint-machine-trust.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
}

// serveLocalhost serves HTTPS with a certificate of the authority in a directory.
func serveLocalhost(t *testing.T, dir string) (url string) {
	t.Helper()
	a, err := authority.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return a.Certificate("localhost")
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		ErrorLog: log.New(io.Discard, "", 0), // it tells of every client that refuses
	}
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() { server.Close(); work.Wait() })
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "https://localhost:" + port + "/"
}

// clients asks with programs that take the machine's list, by OpenSSL and by GnuTLS, from the one file and from the directory.
func clients(t *testing.T, url string, accept bool) {
	t.Helper()
	address := strings.Trim(strings.TrimPrefix(url, "https://"), "/")
	for _, command := range [][]string{
		{"curl", "--silent", "--show-error", "--noproxy", "*", url},
		{"wget", "--no-proxy", "--tries=1", "--quiet", "--output-document=-", url},
		{"openssl", "s_client", "-brief", "-verify_return_error", "-verify_hostname", "localhost", "-connect", address},
	} {
		run := exec.Command(command[0], command[1:]...)
		for _, variable := range os.Environ() {
			if name, _, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "SSL_CERT_") && name != "CURL_CA_BUNDLE" {
				run.Env = append(run.Env, variable)
			}
		}
		out, err := run.CombinedOutput()
		if (err == nil) != accept || accept && command[0] != "openssl" && !bytes.Contains(out, []byte("hello")) {
			t.Errorf("%s: %v, %s, want it to accept: %v", command[0], err, out, accept)
		}
	}
}

// traces are the files that tell of an authority, among all that Debian and its hooks make: the bundle, links, what Java reads.
func traces(t *testing.T, name string) (found []string) {
	t.Helper()
	for _, dir := range []string{"/etc/ssl/certs", "/usr/local/share/ca-certificates"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			target, _ := os.Readlink(path) // what is no link has none
			text, err := os.ReadFile(path)
			if strings.HasPrefix(filepath.Base(target), "branchpoint-") || strings.HasPrefix(d.Name(), "branchpoint-") ||
				bytes.Contains(text, []byte(name)) {
				found = append(found, path)
				return nil
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
