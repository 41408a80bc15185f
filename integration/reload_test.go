package integration

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
)

// transfersDuringReloads run at the same time.
const transfersDuringReloads = 50

// TestReloads: the configuration changes a thousand times, by the API and by SIGHUP, under 50 transfers from distribution points
// that take tokens. No transfer notices, a bad file changes nothing, and nothing is left behind.
func TestReloads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SIGHUP is for Unix")
	}
	const warm, removed, root = transfersDuringReloads, transfersDuringReloads + 1, transfersDuringReloads + 2
	reloads := count(1000, 60)
	s := newReloadSite(t, root+1)
	r := s.box()
	s.fetch(r, warm)
	g0, d0 := s.rest(r)

	p := newPace(reloads)
	clients := s.transfers(r, p)
	defer clients.Wait()
	defer p.step(reloads) // whatever happens, nobody waits for ever
	began := time.Now()
	refused := s.change(r, p, reloads)
	clients.Wait()
	took := time.Since(began)
	s.expectTokens()

	g1, d1 := s.rest(r)
	for i := range reloads {
		r.accepted(s.good(i), i%2 == 1)
		if i%20 == 0 {
			s.fetch(r, warm)
		}
	}
	g2, d2 := s.rest(r)
	t.Logf("%d reloads in %v under %d transfers, %d of them refused, and %d more: every byte right; goroutines went from %d to %d to %d, "+
		"descriptors from %d to %d to %d", reloads, took.Round(time.Millisecond), transfersDuringReloads, refused, reloads, g0, g1, g2, d0, d1, d2)
	if g1 > g0+5 || g2 > g1+5 || d1 > d0+transfersDuringReloads+5 || d2 > d1+5 { // the cache keeps the files of the transfers open
		t.Error("reloads leave something behind")
	}
	if refused < reloads/20 {
		t.Errorf("only %d bad configurations were tried", refused)
	}
	s.removed(r, removed)
	s.newRoot(r, root)
}

// transfers begins them: each of a file of its own, half of them in blocks.
func (s *reloadSite) transfers(r *reloader, p *pace) *sync.WaitGroup {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	s.t.Cleanup(cancel)
	clients := new(sync.WaitGroup)
	for i := range transfersDuringReloads {
		clients.Go(func() {
			client := r.client()
			defer client.CloseIdleConnections()
			if err := p.paced(ctx, client, s.target(s.dps[i%2], i), s.files[i], i%4 >= 2); err != nil {
				s.t.Errorf("transfer %d: %v", i, err)
			}
		})
	}
	return clients
}

// change changes the configuration n times, and returns how often what it said was refused.
func (s *reloadSite) change(r *reloader, p *pace, n int) (refused int) {
	s.t.Helper()
	for i := range n {
		if bad := s.bad(i); bad != "" {
			if status, answer := r.reload(bad, i%2 == 1); status != http.StatusUnprocessableEntity {
				s.t.Fatalf("a bad configuration: %d %s\n%s", status, answer, bad)
			}
			refused++
		} else {
			r.accepted(s.good(i), i%2 == 1)
		}
		p.step(1)
	}
	return refused
}

// rest returns the numbers of goroutines and descriptors when nothing goes on.
func (s *reloadSite) rest(r *reloader) (goroutines, descriptors int) {
	s.t.Helper()
	r.accepted(s.good(0), false)
	r.accepted(s.good(1), false) // with other roots: idle connections are closed
	return r.atRest()
}

// fetch downloads a file that every client may have.
func (s *reloadSite) fetch(r *reloader, file int) {
	s.t.Helper()
	client := r.client()
	defer client.CloseIdleConnections()
	_, err := download(s.t.Context(), client, s.target(s.dps[0], file), s.files[file], 0, -1)
	must(s.t, err)
}
