package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"branchpoint/integration/sim"
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

// pace lets transfers go on as far as the reloads have gone.
type pace struct {
	mu        sync.Mutex
	moved     *sync.Cond
	done, all int
}

func newPace(all int) *pace {
	p := &pace{all: all}
	p.moved = sync.NewCond(&p.mu)
	return p
}

func (p *pace) step(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.moved.Broadcast()
}

// until waits until the reloads have gone as far as a transfer that is at off of size.
func (p *pace) until(off, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for off*int64(p.all) > size*int64(p.done) {
		p.moved.Wait()
	}
}

// paced downloads a file in the pace of the reloads: in one piece, or block by block as BITS does.
func (p *pace) paced(ctx context.Context, client *http.Client, target string, f *sim.File, inBlocks bool) error {
	if !inBlocks {
		_, err := downloadAt(ctx, client, target, f, func(at int64) { p.until(at, f.Size) })
		return err
	}
	const block = 300_007
	for at := int64(0); at < f.Size; at += block {
		p.until(at, f.Size)
		if _, err := download(ctx, client, target, f, at, min(block, f.Size-at)); err != nil {
			return fmt.Errorf("the block at %d: %w", at, err)
		}
	}
	return nil
}

// downloadAt is download of a whole file with something to do before each piece.
func downloadAt(ctx context.Context, client *http.Client, target string, f *sim.File, before func(at int64)) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != f.Size {
		return 0, fmt.Errorf("status %s, %d bytes announced", resp.Status, resp.ContentLength)
	}
	buf := make([]byte, 64<<10)
	for {
		before(n)
		k, err := resp.Body.Read(buf)
		if i := f.Mismatch(buf[:k], n); i >= 0 {
			return n, wrongByte(n + int64(i))
		}
		n += int64(k)
		if err == io.EOF && n == f.Size {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("after %d bytes: %w", n, err)
		}
	}
}

// TestReloads: the configuration changes a thousand times, by the API and by SIGHUP, under 50 transfers from distribution points
// that take tokens. No transfer notices, a bad file changes nothing, and nothing is left behind.
func TestReloads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SIGHUP is for Unix")
	}
	const transfers = 50
	reloads := count(1000, 60)
	lib := sim.NewLibrary()
	files := make([]*sim.File, transfers+3)
	for i := range files {
		id := fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", i)
		v, err := lib.Publish(id, sim.FileSpec{Path: "a/b.cab", Size: 4<<20 + int64(i)*10_007})
		must(t, err)
		files[i], _ = v.File("a/b.cab")
	}
	s := newReloadSite(t, lib)
	r := s.box()
	target := func(dp *spiedDP, i int) string {
		return fmt.Sprintf("%s/SMS_DP_SMSPKG$/Content_00000000-0000-0000-0000-%012d.1/sccm?/a/b.cab", dp.http.URL, i)
	}
	client := r.client()
	_, err := download(t.Context(), client, target(s.dps[0], transfers), files[transfers], 0, -1)
	must(t, err)
	client.CloseIdleConnections()

	p := newPace(reloads)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var clients sync.WaitGroup
	for i := range transfers {
		clients.Go(func() {
			client := r.client()
			defer client.CloseIdleConnections()
			if err := p.paced(ctx, client, target(s.dps[i%2], i), files[i], i%4 >= 2); err != nil {
				t.Errorf("transfer %d: %v", i, err)
			}
		})
	}
	began, refused := time.Now(), 0
	defer p.step(reloads) // whatever happens, nobody waits for ever
	for i := range reloads {
		if bad := s.bad(i); bad != "" {
			if status, answer := r.reload(bad, i%2 == 1); status != http.StatusUnprocessableEntity {
				t.Fatalf("a bad configuration: %d %s\n%s", status, answer, bad)
			}
			refused++
		} else {
			r.accepted(s.good(i), i%2 == 1)
		}
		p.step(1)
	}
	clients.Wait()
	took := time.Since(began)

	s.expectTokens()
	rest := func() (goroutines, files int) {
		t.Helper()
		r.accepted(s.good(0), false)
		r.accepted(s.good(1), false) // other roots: what is idle is closed
		return s.atRest(r)
	}
	goroutines, descriptors := rest()
	for i := range count(1000, 60) {
		r.accepted(s.good(i), i%2 == 1)
		if i%20 == 0 {
			_, err := download(t.Context(), client, target(s.dps[0], transfers), files[transfers], 0, -1)
			must(t, err)
		}
	}
	client.CloseIdleConnections()
	goroutinesNow, descriptorsNow := rest()
	t.Logf("%d reloads in %v under %d transfers, %d of them refused: every byte right; after %d more, goroutines went from %d to %d, descriptors from %d to %d",
		reloads, took.Round(time.Millisecond), transfers, refused, count(1000, 60), goroutines, goroutinesNow, descriptors, descriptorsNow)
	if goroutinesNow > goroutines+5 || descriptorsNow > descriptors+5 {
		t.Error("reloads leave something behind")
	}
	if refused < reloads/20 {
		t.Errorf("only %d bad configurations were tried", refused)
	}

	s.removed(r, target(s.dps[0], transfers+1), files[transfers+1])
	s.newRoot(r, target(s.other, transfers+2), files[transfers+2])
}
