package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"branchpoint/integration/sim"
)

// deadline: a deployment's deadline has come, and every client of the branch wants the package at once. The distribution
// point that they were told of asks for Windows authentication, which they do not have; then it dies.
func (s *stage) deadline(ctx context.Context, screen *screen) error {
	screen.say("1. %d clients want %s (%d MB) at once. DP1 asks for Windows authentication: Branchpoint has a token.",
		s.options.clients, sim.DemoPackage, s.options.mb)
	size := s.size(sim.DemoPackage)
	var got atomic.Int64
	kill := sync.OnceFunc(func() {
		s.site.First.Kill()
		screen.say("   DP1 dies now.")
	})
	var wg sync.WaitGroup
	errs := make([]error, s.options.clients)
	stop := screen.follow()
	for i := range s.options.clients {
		name := fmt.Sprintf("PC%02d", i+1)
		track := screen.track(name, size)
		wg.Go(func() {
			errs[i] = s.ccm(ctx, name, s.site.First, sim.DemoPackage, func(n int) {
				track(n)
				if got.Add(int64(n)) > size*int64(s.options.clients)*2/5 {
					kill()
				}
			})
		})
	}
	wg.Wait()
	stop()
	return errors.Join(errs...)
}

// latecomer: a client that comes when its distribution point is dead finds everything on the disk.
func (s *stage) latecomer(ctx context.Context, screen *screen) error {
	screen.say("2. A client comes late. Its DP is dead; the package is on the disk, the list of files comes from DP2.")
	stop := screen.follow()
	defer stop()
	return s.ccm(ctx, "PC late", s.site.Second, sim.DemoPackage, screen.track("PC late", s.size(sim.DemoPackage)))
}

// taskSequence: Windows authentication belongs to a connection. It passes through, and nothing of it is kept.
func (s *stage) taskSequence(ctx context.Context, screen *screen) error {
	screen.say("3. A task sequence logs in at DP3 with its own account: that passes through untouched and is not cached.")
	config := s.client()
	config.Account = &s.site.Account
	client, err := sim.NewTaskSequence(config)
	if err != nil {
		return err
	}
	start := time.Now()
	r := client.Download(ctx, s.site.Windows.Location(sim.VdirPlain, sim.DemoApplication+".1"))
	s.note("OSD", sim.DemoApplication, r.Bytes(), time.Since(start), "own login, not cached")
	return r.Err
}

// update: the plainest case.
func (s *stage) update(ctx context.Context, screen *screen) error {
	screen.say("4. Two clients fetch an update from the anonymous DP4, one after the other.")
	client, err := sim.NewPlain(s.client())
	if err != nil {
		return err
	}
	for _, name := range []string{"PC01", "PC02"} {
		r := client.Get(ctx, s.site.Anonymous.Location(sim.VdirPlain, sim.DemoUpdate)+"/sccm?/windows10-kb5000001-x64.cab")
		if r.Err != nil {
			return r.Err
		}
		s.note(name, sim.DemoUpdate, r.Bytes, r.Took, r.Header.Get("Cache-Status"))
	}
	return nil
}

// ccm lets a client download a content as the Configuration Manager agent does: PROPFIND, then each file by BITS.
func (s *stage) ccm(ctx context.Context, name string, dp *sim.DP, id string, progress func(int)) error {
	client, err := sim.NewCCM(sim.CCMConfig{
		BITS:          sim.BITSConfig{ClientConfig: s.client(), BlockSize: 4 << 20, RetryDelay: time.Second, Progress: progress},
		ManifestDelay: time.Second,
	})
	if err != nil {
		return err
	}
	start := time.Now()
	r := client.Download(ctx, dp.Location(sim.VdirPlain, id))
	if r.Err != nil {
		return fmt.Errorf("%s: %w", name, r.Err)
	}
	retries := 0
	for _, f := range r.Files {
		retries += f.Retries
	}
	s.note(name, id, r.Bytes(), time.Since(start), fmt.Sprintf("%d files, %d errors seen", len(r.Files), retries))
	return nil
}

func (s *stage) client() sim.ClientConfig {
	return sim.ClientConfig{Library: s.site.Library, Proxy: s.proxy, RootCAs: s.site.CA.Pool()}
}

func (s *stage) size(id string) int64 {
	versions := s.site.Library.Versions(id)
	return versions[len(versions)-1].Size()
}
