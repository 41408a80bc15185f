package integration

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// ailing is a box whose disk can be broken and mended.
type ailing struct {
	*box
	spoil  func()
	mend   func() // nil: cannot be mended while the program runs
	reason string // what /readyz has to say, in part

	selfMends bool // the program mends it, a few seconds later
}

// TestBrokenDisk: whatever happens to the disk of the cache, clients are served, the state is told, and what can be mended
// is found mended.
func TestBrokenDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the ways in which a disk is broken here are those of Unix")
	}
	for name, prepare := range map[string]func(testing.TB, *sim.DP) *ailing{
		"the disk is full":            fullDisk,
		"the directory is removed":    removedDirectory,
		"a file is in its place":      replacedDirectory,
		"the directory is read-only":  readOnlyDirectory,
		"no file may become as large": fileSizeLimit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			breakAndMend(t, prepare)
		})
	}
}

// breakAndMend downloads before, during and after.
func breakAndMend(t *testing.T, prepare func(testing.TB, *sim.DP) *ailing) {
	lib := sim.NewLibrary()
	v, err := lib.Publish(app, sim.FileSpec{Path: "before.cab", Size: 3<<20 + 1}, sim.FileSpec{Path: "during.cab", Size: 6<<20 + 7},
		sim.FileSpec{Path: "after.cab", Size: 2<<20 + 5})
	must(t, err)
	dp := anonymousDP(t, sim.DPConfig{Name: "dp1", Library: lib})
	b := prepare(t, dp)
	get := func(path string, clients int) {
		t.Helper()
		f, _ := v.File(path)
		herd(t, clients, func(int) (time.Time, error) {
			return download(t.Context(), b.client(), bitsURL(dp, app+".1", path), f, 0, -1)
		})
	}
	if b.mend != nil {
		get("before.cab", 2)
		b.expectReady(http.StatusOK, "ready")
	}
	told := make(chan bool, 1)
	watching, end := context.WithTimeout(t.Context(), 20*time.Second)
	defer end()
	go func() { told <- b.saysEver(watching, b.reason) }()
	b.spoil()
	get("during.cab", 4)
	get("before.cab", 4)
	if !<-told {
		t.Errorf("/readyz never said %q", b.reason)
	}
	if healthy := b.metric("branchpoint_cache_healthy"); healthy != 0 && !b.selfMends {
		t.Errorf("branchpoint_cache_healthy is %v with a broken disk", healthy)
	}
	direct := b.metric(`branchpoint_cache_served_bytes_total{from="direct"}`)
	if direct == 0 {
		t.Error("no byte was served past the broken disk")
	}
	t.Logf("%.0f bytes went past the disk; /readyz said %q", direct, b.reason)
	if b.mend == nil {
		return
	}
	b.mend()
	b.expectReady(http.StatusOK, "ready")
	get("after.cab", 2)
	before := dp.Counters().Bytes()
	get("after.cab", 2)
	if again := dp.Counters().Bytes() - before; again > 0 {
		t.Errorf("after the disk was mended, %d bytes of a file that was just downloaded are fetched again", again)
	}
	b.stop()
	auditCache(t, b.cacheDir(), v.Files())
}

// expectReady waits until /readyz has a status and says something.
func (b *box) expectReady(status int, text string) {
	b.t.Helper()
	eventually(b.t, 20*time.Second, "/readyz is "+http.StatusText(status)+" and says "+text, func() bool {
		got, said := b.get("/readyz")
		return got == status && strings.Contains(said, text)
	})
}

// mountMemory mounts a small file system at a directory, for root only.
func mountMemory(t testing.TB, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "only root can mount a small disk")
	}
	must(t, os.MkdirAll(dir, 0o700))
	mount := program(t, "mount")
	if out, err := exec.Command(mount, "-t", "tmpfs", "-o", "size=24m", "tmpfs", dir).CombinedOutput(); err != nil {
		lacking(t, "this machine mounts no tmpfs: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
}

// fullDisk is filled up by somebody else, and emptied again.
func fullDisk(t testing.TB, dp *sim.DP) *ailing {
	b := newBox(t, nil, []*sim.DP{dp}, "")
	mountMemory(t, b.cacheDir())
	b.start(b.command())
	rival := filepath.Join(b.cacheDir(), "rival")
	return &ailing{
		box: b,
		spoil: func() {
			// What may be removed would make room, and a cache that can make room is well.
			b.change(http.MethodPut, "/api/v1/contents/default%2Fpackage%2F"+strings.ToLower(app)+".1/pin", "")
			f, err := os.Create(rival)
			must(t, err)
			defer f.Close()
			for err == nil {
				_, err = f.Write(make([]byte, 64<<10))
			}
		},
		mend:   func() { must(t, os.Remove(rival)) },
		reason: "cache is f", // full or failing, whoever finds out first
	}
}

// removedDirectory is made again by the program itself, so there is a moment to see that it fails.
func removedDirectory(t testing.TB, dp *sim.DP) *ailing {
	b := startBox(t, nil, []*sim.DP{dp}, "")
	return &ailing{
		box: b, spoil: func() { must(t, os.RemoveAll(b.cacheDir())) }, mend: func() {}, reason: "failing", selfMends: true,
	}
}

// replacedDirectory cannot be made again until the file is gone.
func replacedDirectory(t testing.TB, dp *sim.DP) *ailing {
	b := startBox(t, nil, []*sim.DP{dp}, "")
	return &ailing{
		box: b,
		spoil: func() {
			must(t, os.RemoveAll(b.cacheDir()))
			must(t, os.WriteFile(b.cacheDir(), []byte("not a directory"), 0o600))
		},
		mend:   func() { must(t, os.Remove(b.cacheDir())) },
		reason: "failing",
	}
}

// readOnlyDirectory denies writing. Root may write everywhere, so a program of root's runs as nobody.
func readOnlyDirectory(t testing.TB, dp *sim.DP) *ailing {
	b := newBox(t, nil, []*sim.DP{dp}, "")
	must(t, os.MkdirAll(b.cacheDir(), 0o700))
	command := b.command()
	if os.Getuid() == 0 {
		const nobody = 65534
		command = b.command(program(t, "setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups")
		for _, dir := range []string{filepath.Dir(binary), filepath.Dir(b.dir)} {
			must(t, os.Chmod(dir, 0o711))
		}
		for _, path := range []string{b.dir, b.cacheDir(), filepath.Join(b.dir, "branchpoint.yaml")} {
			must(t, os.Chown(path, nobody, nobody))
		}
	}
	b.start(command)
	each := func(mode os.FileMode) {
		blobs := filepath.Join(b.cacheDir(), "blobs")
		folders, err := os.ReadDir(blobs)
		must(t, err)
		for _, folder := range folders {
			must(t, os.Chmod(filepath.Join(blobs, folder.Name()), mode))
		}
		must(t, os.Chmod(blobs, mode))
	}
	t.Cleanup(func() { each(0o700) })
	return &ailing{box: b, spoil: func() { each(0o500) }, mend: func() { each(0o700) }, reason: "permission denied"}
}

// fileSizeLimit lets every write of a slice fail with EFBIG, from the start and for good.
func fileSizeLimit(t testing.TB, dp *sim.DP) *ailing {
	b := newBox(t, nil, []*sim.DP{dp}, "")
	b.start(b.command(program(t, "sh"), "-c", `ulimit -f 300 && exec "$@"`, "sh"))
	return &ailing{box: b, spoil: func() {}, reason: "file too large"}
}
