package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/admin"
	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/precache"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

const (
	precacheID    = "Content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
	precacheToken = "a-token-that-nobody-guesses"
)

// kitchen is a running service as far as the verb can see: a real admin API over real jobs, a real cache and a real pool, and a
// distribution point.
type kitchen struct {
	t       *testing.T
	dp      string
	address string
	server  *httptest.Server
	token   string // the file
	held    chan struct{}
	files   []precache.ListedFile
}

// List implements precache.Lister.
func (k *kitchen) List(context.Context, content.Target) ([]precache.ListedFile, error) {
	if k.files == nil {
		return nil, errors.New("status 404")
	}
	return k.files, nil
}

// fileSize is that of every file of serveContent.
const fileSize = 7 << 19

func newKitchen(t *testing.T, names ...string) *kitchen {
	t.Helper()
	k := &kitchen{t: t, held: make(chan struct{}), token: filepath.Join(t.TempDir(), "token")}
	for _, name := range names {
		k.files = append(k.files, precache.ListedFile{Path: name, Size: fileSize})
	}
	dp := httptest.NewServer(marked(serveContent(k.held)))
	t.Cleanup(dp.Close)
	k.dp = dp.URL
	check(t, os.WriteFile(k.token, []byte(precacheToken+"\n"), 0o600))
	dir := t.TempDir()
	store, err := cache.New(cache.Config{Directory: filepath.Join(dir, "cache")})
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	pool, err := upstream.New(upstream.Config{})
	check(t, err)
	t.Cleanup(pool.Close)
	jobs, err := precache.New(precache.Config{Lister: k, Origins: pool, Store: store, Dir: filepath.Join(dir, "cache.jobs")})
	check(t, err)
	t.Cleanup(func() { check(t, jobs.Close(context.Background())) })
	k.server = httptest.NewServer(k.admin(store, pool, jobs))
	t.Cleanup(k.server.Close)
	k.address = k.server.Listener.Addr().String()
	return k
}

// marked takes the names of files out of the query, where clients put them.
func marked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		folder, ok := strings.CutSuffix(r.URL.Path, "/sccm")
		name, err := url.PathUnescape(r.URL.RawQuery)
		if ok && err == nil {
			r.URL.Path, r.URL.RawQuery = folder+name, ""
		}
		next.ServeHTTP(w, r)
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// admin makes the admin API, of which only the jobs are asked.
func (k *kitchen) admin(store *cache.Cache, pool *upstream.Pool, jobs *precache.Jobs) *admin.Server {
	k.t.Helper()
	token, err := admin.NewToken(precacheToken)
	check(k.t, err)
	broker, err := tokenbroker.New(tokenbroker.Config{Sources: []tokenbroker.Source{tokenbroker.NewRequestSource()}})
	check(k.t, err)
	k.t.Cleanup(func() { check(k.t, broker.Close(context.Background())) })
	api, err := admin.New(admin.Config{
		Version: "test", Token: token, Store: store, Contents: store, Upstreams: pool, Tokens: broker, Learned: nothing{}, Precache: jobs,
		Listeners: func() []admin.Listener { return nil }, Interception: func() proxy.Interception { return proxy.Interception{} },
		Reload: func() (admin.Reloaded, error) { return admin.Reloaded{}, nil }, Registry: prometheus.NewRegistry(),
		Background: func(work func()) { work() }, Logger: slog.New(slog.DiscardHandler),
	})
	check(k.t, err)
	return api
}

type nothing struct{}

func (nothing) Learned() []proxy.LearnedHost { return nil }
func (nothing) ForgetLearned()               {}

// run executes the verb for the content that the distribution point has.
func (k *kitchen) run(more ...string) (code int, out, problems string) {
	k.t.Helper()
	var stdout, stderr bytes.Buffer
	args := append([]string{"precache", precacheID, "--from", k.dp, "--address", k.address, "--token-file", k.token}, more...)
	code = run(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func wantParts(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in the %s\n%s", part, what, text)
		}
	}
}

func TestPrecache(t *testing.T) {
	k := newKitchen(t, "a.bin", "dir/b c.bin")
	at := precacheID + " from " + k.dp + "/SMS_DP_SMSPKG$/" + precacheID + ".1: files: 2, 7.0 MiB: "
	code, out, problems := k.run("--dry-run")
	wantParts(t, "dry run", out, "│ a.bin       │ 3.5 MiB │ to be fetched │", at+"2 to be fetched (7.0 MiB).\n")
	if code != exitOK || strings.Count(problems, "\n") != 1 {
		t.Errorf("the dry run exits with %d and says %s", code, problems)
	}
	code, out, problems = k.run()
	wantParts(t, "result", out, "│ a.bin       │ 3.5 MiB │ fetched │", "│ dir/b c.bin │ 3.5 MiB │ fetched │", at+"2 fetched (7.0 MiB).\n")
	wantParts(t, "progress", problems, precacheID+": 7.0 MiB of "+k.dp)
	if code != exitOK {
		t.Errorf("it exits with %d", code)
	}
	code, out, _ = k.run()
	wantParts(t, "second result", out, "│ dir/b c.bin │ 3.5 MiB │ already there │", at+"2 already there.\n")
	if code != exitOK {
		t.Errorf("the second exits with %d", code)
	}
	code, out, _ = k.run("--json")
	var j precache.Job
	if err := json.Unmarshal([]byte(out), &j); err != nil || code != exitOK || len(j.Files) != 2 || j.Counts.There != 2 || j.State != precache.StateDone {
		t.Errorf("as JSON it exits with %d and prints %s, %v", code, out, err)
	}
}

func TestPrecacheFails(t *testing.T) {
	k := newKitchen(t, "a.bin", "gone.txt", "x:y")
	code, out, problems := k.run()
	wantParts(t, "result", out, "│ a.bin    │ 3.5 MiB │ fetched", "│ gone.txt │ 3.5 MiB │ missing",
		"│ x:y      │ 3.5 MiB │ failed: no client could ask for a file of this name", "1 fetched (3.5 MiB), 1 missing, 1 failed.\n")
	wantParts(t, "message", problems, "branchpoint: "+precacheID+": 2 of 3 files are not all there\n")
	if code != exitFailure {
		t.Errorf("it exits with %d", code)
	}
	k.files = nil
	code, out, problems = k.run()
	wantParts(t, "message", problems, ".1: status 404\n")
	if code != exitFailure || out != "" {
		t.Errorf("without a list it exits with %d and prints %q", code, out)
	}
}

func TestPrecacheRefused(t *testing.T) {
	k := newKitchen(t, "held.bin")
	base := []string{"--address", k.address, "--token-file", k.token}
	wantFailure(t, exitUsage, k.address+" answers 422 Unprocessable Entity: this cannot be fetched: the content ID is that of no package",
		append([]string{"precache", "everything"}, base...)...)
	wantFailure(t, exitUsage, "precache: --version cannot be negative\nSee branchpoint --help.", append([]string{"precache", "PS100015", "--version=-1"}, base...)...)
	wantFailure(t, exitUsage, "precache: --dry-run and --detach exclude each other: nobody would see what a dry run finds\nSee branchpoint --help.", append([]string{"precache", "PS100015", "--dry-run", "--detach"}, base...)...)
	wantFailure(t, exitFailure, "reading the token of the admin API: open", "precache", "PS100015", "--address", k.address, "--token-file", k.token+"x")
	check(t, os.WriteFile(k.token+"x", []byte("another-token-than-that"), 0o600))
	wantFailure(t, exitFailure, k.address+" answers 401 Unauthorized: the admin token is needed", "precache", "PS100015", "--address", k.address, "--token-file", k.token+"x")
	code, out, _ := k.run("--detach")
	if code != exitOK || len(out) != 17 {
		t.Fatalf("detached it exits with %d and prints %q", code, out)
	}
	wantFailure(t, exitFailure, k.address+" answers 409 Conflict: the content is being fetched from elsewhere, by the job "+strings.TrimSpace(out),
		append([]string{"precache", precacheID, "--from", "mp"}, base...)...)
	close(k.held)
	if code, out, _ := k.run(); code != exitOK || !strings.Contains(out, "1 fetched") && !strings.Contains(out, "1 already there") {
		t.Errorf("the one that joins exits with %d and prints %s", code, out)
	}
}

// watch begins the job, or joins it, and returns who follows it.
func (k *kitchen) watch(screen precacheScreen) *precacheWatch {
	k.t.Helper()
	c := precacheCmd{Content: precacheID, From: k.dp}
	started, err := c.start(k.address, precacheToken)
	check(k.t, err)
	return newPrecacheWatch(k.address, precacheToken, started, screen)
}

// atFile is a screen that calls a function once a file is being fetched.
type atFile struct{ call func() }

func (a atFile) show(j precache.Job) {
	if j.Counts.Fetching > 0 {
		a.call()
	}
}

func (atFile) close() {}

// TestPrecacheInterrupted interrupts the command that began a job, and one that joined it.
func TestPrecacheInterrupted(t *testing.T) {
	k := newKitchen(t, "a.bin", "held.bin")
	defer close(k.held)
	ctx, interrupt := context.WithCancel(t.Context())
	stopped := 0
	first := k.watch(atFile{interrupt})
	first.interrupted = func() { stopped++ }
	second := k.watch(atFile{func() {}})
	if first.joined || !second.joined || second.job.ID != first.job.ID {
		t.Fatalf("the first is %+v, the second %+v", first.job, second.job)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := second.follow(gone); !errors.Is(err, errGoesOn) || !strings.Contains(err.Error(), first.job.ID) {
		t.Errorf("the one that joined ends with %v", err)
	}
	j, err := first.follow(ctx)
	if err != nil || j.State != precache.StateCanceled || stopped != 1 {
		t.Errorf("the one that began it ends with %+v, %v", j, err)
	}
	j.Files, err = first.files()
	if err != nil || len(j.Files) != 2 {
		t.Errorf("the files are %+v, %v", j.Files, err)
	}
	var out bytes.Buffer
	err = (&precacheCmd{}).tellEnded(&streams{&out, &out}, j)
	wantParts(t, "result", out.String(), "│ held.bin │ 3.5 MiB │ not fetched")
	if err == nil || err.Error() != precacheID+": the job was canceled; what it has brought stays in the cache" {
		t.Errorf("the error is %v", err)
	}
}

// TestPrecacheServiceAway has a service that does not answer for a while, one that does not come back, and one that has
// forgotten the job.
func TestPrecacheServiceAway(t *testing.T) {
	answers := make(chan int, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch status := <-answers; status {
		case 0:
			panic(http.ErrAbortHandler)
		case http.StatusOK:
			_ = json.NewEncoder(w).Encode(precache.Job{ID: "7", State: precache.StateDone})
		default:
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(admin.Problem{Detail: "there is no such job", Status: status})
		}
	}))
	defer server.Close()
	follow := func(patience time.Duration, list ...int) (precache.Job, error) {
		for _, status := range list {
			answers <- status
		}
		w := newPrecacheWatch(server.Listener.Addr().String(), "", admin.PrecacheStarted{Job: precache.Job{ID: "7"}}, atFile{})
		w.patience = patience
		return w.follow(t.Context())
	}
	if j, err := follow(time.Minute, 0, 0, http.StatusOK); err != nil || j.State != precache.StateDone {
		t.Errorf("it comes back: %+v, %v", j, err)
	}
	if _, err := follow(0, 0); err == nil || !strings.Contains(err.Error(), "following the job 7: ") {
		t.Errorf("it is away: %v", err)
	}
	if _, err := follow(time.Minute, http.StatusNotFound); err == nil || !strings.Contains(err.Error(), "there is no such job") {
		t.Errorf("it has forgotten: %v", err)
	}
}
