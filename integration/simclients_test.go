package integration

import (
	"errors"
	"fmt"
	"path"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestSimulatedClients: each kind of client downloads a whole content from each kind of DP, several times over. Every byte
// is compared; what the DPs had to send is counted.
func TestSimulatedClients(t *testing.T) {
	t.Parallel()
	size := int64(count(256<<20, 3<<20))
	lib := sim.NewLibrary()
	_, err := lib.Publish(app, []sim.FileSpec{
		{Path: "media/install.wim", Size: size}, {Path: "setup.exe", Size: size / 7}, {Path: "data/empty.flag"},
		{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001}, {Path: "data/größe [x] 'y'.txt", Data: []byte("odd names too")},
	}...)
	must(t, err)
	site, err := sim.StartSite(sim.SiteConfig{Library: lib})
	must(t, err)
	t.Cleanup(func() { site.Close() })
	token := fileWith(t, site.Token.Reveal())
	segment := app + ".1"
	for _, door := range []struct {
		name     string
		location string
		login    bool // the client itself logs in, so nothing of it may be kept
	}{
		{"anonymous", site.Anonymous.Location(sim.VdirPlain, segment), false},
		{"Enhanced HTTP, the broker's token", site.First.Location(sim.VdirPlain, segment), false},
		{"Windows authentication", site.Windows.Location(sim.VdirPlain, segment), true},
	} {
		t.Run(door.name, func(t *testing.T) {
			b := startBox(t, site.CA, []*sim.DP{site.First, site.Second, site.Anonymous},
				"upstream: {ca_files: ['$DIR/ca.pem']}\ntoken: {sources: [{type: file, file: '"+token+"'}]}\n")
			config := sim.ClientConfig{Library: lib, Proxy: b.proxy, RootCAs: site.CA.Pool()}
			if door.login {
				config.Account = &site.Account
			}
			site.Counters.Reset()
			got, n := everyClient(t, config, door.location)
			sent := site.Counters.Bytes()
			t.Logf("%d clients got %d bytes, every byte right; the DPs sent %d, %.0f %% less", n, got, sent, 100-100*float64(sent)/float64(got))
			whole := lib.Versions(app)[0].Size()
			if !door.login && sent > whole*102/100 {
				t.Errorf("the DPs sent %d bytes for a content of %d", sent, whole)
			}
			if door.login && sent < got*98/100 {
				t.Errorf("clients that log in themselves got %d bytes, and the DP sent only %d", got, sent)
			}
		})
	}
}

// everyClient lets all kinds of clients download at the same time, and returns the bytes and the number of clients.
func everyClient(t *testing.T, config sim.ClientConfig, location string) (bytes int64, clients int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	run := func(name string, download func() sim.ContentResult) {
		clients++
		wg.Go(func() {
			r := download()
			if r.Err != nil {
				t.Errorf("%s: %v; troubles: %v", name, r.Err, r.Troubles)
			}
			mu.Lock()
			defer mu.Unlock()
			bytes += r.Bytes()
		})
	}
	for _, block := range []int64{0, 3_000_000, sim.WholeFile, sim.NoRange} {
		bits := sim.BITSConfig{ClientConfig: config, BlockSize: block, RetryDelay: 10 * time.Millisecond, MaxRetries: 3}
		if block == 3_000_000 {
			bits.SuspendEvery, bits.PeerDist = 2_000_000, true
		}
		ccm, err := sim.NewCCM(sim.CCMConfig{BITS: bits, ManifestDelay: time.Millisecond, ManifestRounds: 1})
		must(t, err)
		run(fmt.Sprintf("client agent, blocks of %d", block), func() sim.ContentResult { return ccm.Download(t.Context(), location) })
	}
	ts, err := sim.NewTaskSequence(config)
	must(t, err)
	for range 2 {
		run("task sequence", func() sim.ContentResult { return ts.Download(t.Context(), location) })
	}
	plain, err := sim.NewPlain(config)
	must(t, err)
	run("script", func() sim.ContentResult { return plainContent(t, plain, config.Library, location) })
	wg.Wait()
	return bytes, clients
}

// plainContent downloads the large file in ranges that nobody else uses, the last one first.
func plainContent(t *testing.T, client *sim.Plain, lib *sim.Library, location string) (r sim.ContentResult) {
	f, err := lib.File(path.Base(location), "media/install.wim")
	if err != nil {
		return sim.ContentResult{Err: err}
	}
	var ranges []sim.Range
	const step = 777_777
	for off := (f.Size - 1) / step * step; off >= 0; off -= step {
		ranges = append(ranges, sim.Range{Offset: off, Length: min(step, f.Size-off)})
	}
	one := client.Get(t.Context(), location+"/sccm?/"+f.Path, ranges...)
	r.Files = []sim.Result{one}
	if r.Err = one.Err; r.Err == nil && one.Bytes != f.Size {
		r.Err = errors.New("the ranges do not make the file")
	}
	return r
}
