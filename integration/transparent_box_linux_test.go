package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// crowd: a hundred clients download at once while a hundred other connections pass through. The line carries the file once,
// and afterwards nothing is left of them.
func (s *transparentSite) crowd(t *testing.T) {
	plain, secure := s.place("IPv4", "http", sim.DemoPackage+".1", "setup.exe"), s.place("IPv6", "https", sim.DemoPackage+".1", "setup.exe")
	ln := s.server.listen(t, net.JoinHostPort(fmt.Sprint(wan4, s.next), "80"))
	s.next++
	var served sync.WaitGroup
	served.Go(func() { each(echo)(ln) })
	defer served.Wait()
	defer ln.Close()
	s.fetch(t, plain, secure) // connections to the DP are kept for a while
	goroutines, files := s.box.settled(t)
	before := s.overTheLine()
	var work sync.WaitGroup
	work.Go(func() { s.fetch(t, "--clients", "50", plain) })
	work.Go(func() { s.fetch(t, "--clients", "50", secure) })
	for range 100 {
		work.Go(func() {
			conn, err := s.client.dial(t.Context(), "tcp", ln.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if err := errors.Join(conn.SetDeadline(time.Now().Add(time.Minute)), heardBack(conn, 20_000)); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if got, most := s.overTheLine()-before, int64(100*20_000*12/10+packageSize/16); got > most {
		t.Errorf("%d bytes came over the line, want at most %d", got, most)
	}
	s.box.expectBack(t, "go_goroutines", float64(goroutines))
	eventually(t, 20*time.Second, "the descriptors are free again", func() bool { return s.box.descriptors(t) <= files })
}

// expectBack waits until a metric is down again at what it was.
func (b *box) expectBack(t *testing.T, name string, want float64) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got := b.metric(name)
		if got <= want {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			t.Errorf("%s is %v, it was %v", name, got, want)
			return
		}
	}
}

// boxDies: without the box clients go straight to the DPs, by each of the two ways that the file with the redirect tells of;
// and when the box is there again, so is what it had.
func (s *transparentSite) boxDies(t *testing.T) {
	f, segment := s.publish(t)
	url := s.place("IPv4", "http", segment, f.Path)
	s.curl(t, url, f)

	s.redirect("") // the dead man's switch
	ctx, cancel := context.WithCancel(t.Context())
	var man sync.WaitGroup
	defer man.Wait()
	defer cancel()
	man.Go(func() { s.sayThatItIsWell(ctx, t) })
	s.awaitWay(t, url, true)
	s.box.kill()
	began := time.Now()
	s.awaitWay(t, url, false)
	t.Logf("the box was killed; %.1f s later its clients went straight to the DP", time.Since(began).Seconds())
	kept := auditCache(t, s.box.cacheDir(), s.files())
	cancel()
	man.Wait()

	s.redirect(`"clients"`) // what systemd does at the start
	if s.reaches(t, url) {
		t.Error("the dead box still answers")
	}
	s.router.do("nft", "delete", "table", "inet", "branchpoint") // and at the end
	s.awaitWay(t, url, false)

	s.box.start(s.box.command(s.in(s.router)...))
	s.redirect(`"clients"`)
	s.dps["IPv4"].Counters().Reset()
	s.curl(t, url, f)
	if again := fetchedAgain(kept, s.dps["IPv4"].Counters().Sent()); again > 0 {
		t.Errorf("%d bytes that the box had before it died were fetched again", again)
	}
}

// files are all that the DPs have.
func (s *transparentSite) files() (all []*sim.File) {
	for _, id := range s.library.IDs() {
		for _, v := range s.library.Versions(id) {
			all = append(all, v.Files()...)
		}
	}
	return all
}

// sayThatItIsWell keeps the switch on until ctx ends, as long as the box is well. To ask the box takes two seconds and more on a
// machine that has much else to do, so the switch stays on for longer than that.
func (s *transparentSite) sayThatItIsWell(ctx context.Context, t *testing.T) {
	address := strings.TrimPrefix(s.box.admin, "http://")
	const on = `flush set inet branchpoint clients; add element inet branchpoint clients { "clients" timeout 5s }`
	for ctx.Err() == nil {
		health := exec.Command("ip", "netns", "exec", s.router.name, binary, "health", "--address", address)
		if health.Run() == nil {
			if out, err := exec.Command("ip", "netns", "exec", s.router.name, "nft", on).CombinedOutput(); err != nil {
				t.Errorf("nft: %v: %s", err, out)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// reaches tells whether a client can download.
func (s *transparentSite) reaches(t *testing.T, url string) bool {
	t.Helper()
	return s.inClient("curl", "--silent", "--fail", "--max-time", "5", "--head", "--output", "/dev/null", url).Run() == nil
}

// awaitWay waits until a client that downloads comes through the box, or reaches the DP without it.
func (s *transparentSite) awaitWay(t *testing.T, url string, box bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		out, err := s.inClient("curl", "--silent", "--fail", "--max-time", "5", "--head", url).Output()
		if through := strings.Contains(strings.ToLower(string(out)), "\nvia: "); err == nil && through == box {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("curl --head %s: %v: %s", url, err, out)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
