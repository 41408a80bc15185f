package integration

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// tool is a real download program. Its methods fail the test when it does.
type tool struct {
	t   testing.TB
	b   *box
	dir string // where it puts files
}

// run runs a program as try does, which must succeed.
func (d tool) run(name string, args ...string) string {
	d.t.Helper()
	out, err := d.try(name, args...)
	if err != nil {
		d.t.Errorf("%s %q: %v\n%.2000s", name, args, err, out)
	}
	return out
}

// try runs a program with the box as its proxy. The environment is bare: a no_proxy of the machine would lead past the box.
func (d tool) try(name string, args ...string) (string, error) {
	d.t.Helper()
	cmd := exec.Command(program(d.t, name), args...)
	proxy := d.b.proxy.String()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "LC_ALL=C.UTF-8", "http_proxy=" + proxy, "https_proxy=" + proxy}
	cmd.Dir = d.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// fetchers are the ways of downloading a file from a URL to a path.
func (d tool) fetchers() map[string]func(url, path string) {
	return map[string]func(url, path string){
		"curl": func(url, path string) { d.run("curl", "-sS", "--fail", "-g", "-o", path, url) },
		"wget": func(url, path string) { d.run("wget", "-q", "-O", path, url) },
		"aria2c": func(url, path string) {
			d.run("aria2c", "-q", "-x8", "-s8", "-k1M", "--no-conf", "--file-allocation=none", "--allow-overwrite=true",
				"--dir", filepath.Dir(path), "--out", filepath.Base(path), url)
		},
	}
}

// resumers download a file of which the path holds the beginning.
func (d tool) resumers() map[string]func(url, path string) {
	return map[string]func(url, path string){
		"curl -C -": func(url, path string) { d.run("curl", "-sS", "--fail", "-g", "-C", "-", "-o", path, url) },
		"wget -c":   func(url, path string) { d.run("wget", "-q", "-c", "-O", path, url) },
		"aria2c -c": func(url, path string) {
			d.run("aria2c", "-q", "-c", "-x8", "--no-conf", "--file-allocation=none", "--dir", filepath.Dir(path), "--out",
				filepath.Base(path), url)
		},
	}
}

// fetchAll downloads a file in every way and compares every byte.
func (d tool) fetchAll(url string, want []byte) {
	d.t.Helper()
	check := func(how, path string, want []byte) {
		d.t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			d.t.Errorf("%s of %s: %d bytes and %v, want %d bytes: they differ", how, url, len(got), err, len(want))
		}
		_ = os.Remove(path)
	}
	path := filepath.Join(d.dir, "got.bin")
	for how, fetch := range d.fetchers() {
		fetch(url, path)
		check(how, path, want)
	}
	head := d.run("curl", "-sS", "--fail", "-g", "-I", url)
	if !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(want))) {
		d.t.Errorf("curl -I %s: no Content-Length of %d in\n%s", url, len(want), head)
	}
	if len(want) < 1000 {
		return
	}
	for how, resume := range d.resumers() {
		must(d.t, os.WriteFile(path, want[:len(want)/3], 0o600))
		resume(url, path)
		check(how, path, want)
	}
	for _, r := range [][2]int{{0, 0}, {len(want) / 2, len(want)/2 + 999}, {len(want) - 1, len(want) - 1}} {
		d.run("curl", "-sS", "--fail", "-g", "--range", fmt.Sprintf("%d-%d", r[0], r[1]), "-o", path, url)
		check("curl --range", path, want[r[0]:r[1]+1])
	}
}

// TestRealClientsOnSimulatedDPs: curl, wget and aria2c download everything, odd names included, from an anonymous DP and
// from one that wants a token which only the box has.
func TestRealClientsOnSimulatedDPs(t *testing.T) {
	t.Parallel()
	lib := sim.NewLibrary()
	v, err := lib.Publish("PS100020", sim.FileSpec{Path: "media/install.wim", Size: 5<<20 + 3}, sim.FileSpec{Path: "empty.flag"},
		sim.FileSpec{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001}, sim.FileSpec{Path: "größe [x] 'y' !.txt", Size: 2_000})
	must(t, err)
	site, err := sim.StartSite(sim.SiteConfig{Library: lib})
	must(t, err)
	t.Cleanup(func() { site.Close() })
	b := startBox(t, site.CA, []*sim.DP{site.First, site.Second}, "upstream: {ca_files: ['$DIR/ca.pem']}\ntoken: {sources: [{type: file, file: '"+
		fileWith(t, site.Token.Reveal())+"'}]}\n")
	clients := tool{t, b, t.TempDir()}
	for _, dp := range []*sim.DP{site.Anonymous, site.First} {
		site.Counters.Reset()
		for pass := range 2 {
			for _, f := range v.Files() {
				want := make([]byte, f.Size)
				if _, err := f.ReadAt(want, 0); err != nil && f.Size > 0 {
					t.Fatal(err)
				}
				clients.fetchAll(dp.Location(sim.VdirPlain, "PS100020")+"/"+escapePath(f.Path), want)
			}
			if sent := site.Counters.Bytes(); sent != v.Size() {
				t.Errorf("%s, pass %d: the DPs have sent %d bytes for %d", dp.Name(), pass, sent, v.Size())
			}
		}
		t.Logf("%s: curl, wget and aria2c, whole, in ranges and resumed, twice: every byte equal, the DP sent each byte once", dp.Name())
	}
}

// escapePath makes a URL path of a file's path.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(parts[i]), "+", "%2B")
	}
	return strings.Join(parts, "/")
}

// TestRealClientsOnNginx: the same programs, against a real web server with a folder of real files.
func TestRealClientsOnNginx(t *testing.T) {
	t.Parallel()
	server := startNginx(t)
	names := []string{"plain.cab", "with space.cab", "100%.cab", "a+b.cab", "semi;colon.cab", "hash#1.cab", "and&.cab", "größe.cab",
		"日本.cab", "quote'd [x].cab", "deep/er/file.cab", strings.Repeat("long-", 39) + ".cab", "%41.cab"}
	files := map[string][]byte{"empty.flag": {}}
	for i, name := range names {
		files[name] = pattern(i, 3_000+i*100_003)
	}
	for name, data := range files {
		server.put(name, data)
	}
	many := count(10_000, 300)
	var list strings.Builder
	for i := range many {
		name := fmt.Sprintf("many/%02d/driver %d.sys", i%50, i)
		files[name] = pattern(i, 100+i%5_000)
		server.put(name, files[name])
		fmt.Fprintf(&list, "url = \"%s\"\noutput = \"out-%d\"\n", server.url(name), i)
	}
	b := startBox(t, nil, nil, "cache: {directory: '$CACHE', min_free_bytes: 0, check_after: 1h}\n")
	clients := tool{t, b, t.TempDir()}
	must(t, os.WriteFile(filepath.Join(clients.dir, "list"), []byte(list.String()), 0o600))
	passes := [2]int64{}
	for pass := range passes {
		before := server.sent()
		for _, name := range append(names, "empty.flag") {
			clients.fetchAll(server.url(name), files[name])
		}
		clients.run("curl", "-sS", "--fail", "-g", "-K", "list")
		for i := range many {
			got, err := os.ReadFile(filepath.Join(clients.dir, fmt.Sprintf("out-%d", i)))
			if want := pattern(i, 100+i%5_000); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("small file %d: %d bytes and %v, want %d", i, len(got), err, len(want))
			}
		}
		passes[pass] = server.sent() - before
	}
	var total int64
	for _, data := range files {
		total += int64(len(data))
	}
	t.Logf("%d files, %d bytes: every byte equal; nginx sent %d bytes in the first pass, %d in the second", len(files), total, passes[0], passes[1])
	if passes[0] != total || passes[1] != 0 {
		t.Errorf("nginx sent %d and %d bytes, want each byte once: %d and 0", passes[0], passes[1], total)
	}
}

// TestHugeFileOnNginx: a file of more than 4 GiB, by ranges around its 4 GiB mark and at its end.
func TestHugeFileOnNginx(t *testing.T) {
	t.Parallel()
	const size = 4<<30 + 5<<20 + 17
	server := startNginx(t)
	f, err := os.Create(server.path("huge.wim"))
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	mark := pattern(4, 100_000)
	places := []int64{0, 1<<31 - 50_000, 1<<32 - 50_000, size - int64(len(mark))}
	for _, at := range places {
		_, err := f.WriteAt(mark, at)
		must(t, err)
	}
	b := startBox(t, nil, nil, "")
	clients := tool{t, b, t.TempDir()}
	if head := clients.run("curl", "-sS", "--fail", "-I", server.url("huge.wim")); !strings.Contains(head, "Content-Length: "+strconv.Itoa(size)) {
		t.Errorf("HEAD of a file of %d bytes:\n%s", size, head)
	}
	for _, at := range places {
		clients.run("curl", "-sS", "--fail", "--range", fmt.Sprintf("%d-%d", at, at+int64(len(mark))-1), "-o", "piece", server.url("huge.wim"))
		if got, err := os.ReadFile(filepath.Join(clients.dir, "piece")); err != nil || !bytes.Equal(got, mark) {
			t.Errorf("the piece at %d differs: %d bytes, %v", at, len(got), err)
		}
	}
	sent := server.sent()
	t.Logf("4 pieces of a file of %d bytes: nginx sent %d bytes", int64(size), sent)
	if sent > 16<<20 {
		t.Errorf("nginx sent %d bytes for pieces of %d", sent, 4*len(mark))
	}
	if full() {
		clients.run("curl", "-sS", "--fail", "-o", "huge", server.url("huge.wim"))
		clients.run("cmp", "huge", server.path("huge.wim"))
	}
}

// pattern is bytes that differ from file to file.
func pattern(seed, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte((i*7 + i>>8*13 + i>>16) ^ seed*31)
	}
	return data
}
