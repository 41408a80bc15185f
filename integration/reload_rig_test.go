package integration

import (
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// reloader is a box whose configuration changes.
type reloader struct {
	*box
	head, file string // what never changes, and where it is
	done       int    // reloads that were answered or logged
}

// reload writes a configuration and has it read, by the API or by a signal. It returns the answer, or the status that a signal
// would have had.
func (r *reloader) reload(tail string, bySignal bool) (status int, answer string) {
	r.t.Helper()
	must(r.t, os.WriteFile(r.file, []byte(r.head+tail), 0o600))
	if bySignal {
		return r.hangUp(), ""
	}
	token, err := os.ReadFile(filepath.Join(r.dir, "admin.token"))
	must(r.t, err)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.admin+"/api/v1/reload", nil)
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := r.web.Do(req)
	must(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(r.t, err)
	r.done++
	return resp.StatusCode, string(body)
}

// hangUp sends the signal and waits for the log to tell what came of it.
func (r *reloader) hangUp() (status int) {
	r.t.Helper()
	must(r.t, r.cmd.Process.Signal(syscall.SIGHUP))
	eventually(r.t, 20*time.Second, "the log tells of a reload", func() bool { return r.told() > r.done })
	r.done++
	log := r.log.String()
	if strings.LastIndex(log, `"the configuration was reloaded"`) > strings.LastIndex(log, notReloaded) {
		return http.StatusOK
	}
	return http.StatusUnprocessableEntity
}

const notReloaded = `"the configuration was not reloaded`

// told is how many reloads the log tells of.
func (r *reloader) told() int {
	log := r.log.String()
	return strings.Count(log, `"the configuration was reloaded"`) + strings.Count(log, notReloaded)
}

// accepted wants a reload to be accepted.
func (r *reloader) accepted(tail string, bySignal bool) {
	r.t.Helper()
	if status, answer := r.reload(tail, bySignal); status != http.StatusOK {
		r.t.Fatalf("a reload: %d %s\n%s", status, answer, tail)
	}
}

// atRest returns the numbers of goroutines and descriptors when they have not become fewer for a while.
func (r *reloader) atRest() (goroutines, descriptors int) {
	r.t.Helper()
	goroutines, descriptors = math.MaxInt, math.MaxInt
	var since time.Time
	eventually(r.t, 30*time.Second, "the program is at rest", func() bool {
		g, d := int(r.metric("go_goroutines")), int(r.metric("process_open_fds"))
		if g < goroutines || d < descriptors {
			goroutines, descriptors, since = min(g, goroutines), min(d, descriptors), time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
	return goroutines, descriptors
}

// status asks for the first byte of a file.
func (r *reloader) status(target string) int {
	r.t.Helper()
	client := r.client()
	defer client.CloseIdleConnections()
	resp, err := client.Head(target)
	must(r.t, err)
	resp.Body.Close()
	return resp.StatusCode
}
