package integration

import (
	"os"
	"path/filepath"
	"testing"

	"branchpoint/integration/sim"
)

// app is the application that most tests download.
const app = "Content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"

// library returns a library with one application of one generated file.
func library(t testing.TB, size int64) (*sim.Library, *sim.File) {
	t.Helper()
	lib := sim.NewLibrary()
	v, err := lib.Publish(app, sim.FileSpec{Path: "setup/install.wim", Size: size})
	must(t, err)
	f, ok := v.File("setup/install.wim")
	if !ok {
		t.Fatal("the file is not there")
	}
	return lib, f
}

// url returns how BITS asks a DP for a file.
func bitsURL(dp *sim.DP, segment, path string) string {
	return dp.Location(sim.VdirPlain, segment) + "/sccm?/" + path
}

// anonymousDP starts a plain-HTTP DP that lets everyone in.
func anonymousDP(t testing.TB, c sim.DPConfig) *sim.DP {
	t.Helper()
	c.Access = nil
	return startDP(t, c)
}

// startDP starts a DP.
func startDP(t testing.TB, c sim.DPConfig) *sim.DP {
	t.Helper()
	dp, err := sim.NewDP(c)
	must(t, err)
	must(t, dp.Start())
	t.Cleanup(func() { dp.Close() })
	return dp
}

// startSite starts a site whose library is one application of one generated file.
func startSite(t testing.TB, size int64) *sim.Site {
	t.Helper()
	lib, _ := library(t, size)
	site, err := sim.StartSite(sim.SiteConfig{Library: lib})
	must(t, err)
	t.Cleanup(func() { site.Close() })
	return site
}

// fileWith makes a file that only its owner can read.
func fileWith(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
