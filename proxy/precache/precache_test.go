package precache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tree is a content with folders, an empty file and names that need care in a URL.
func tree() map[string][]byte {
	return map[string][]byte{
		"Setup.exe": data("setup", 300), "media/Install.wim": data("install", 5*mib+77), "media/Install (2).wim": data("second", mib),
		"empty.txt": {}, "Ordner/Größe 100%.txt": data("size", 4000), "bin/web.config": data("config", 12),
	}
}

func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(tree())
		b := newBox(t, w, nil)
		begun := b.start(Request{Content: packageID, From: pointURL})
		if begun.State != StateLocating || begun.ID == "" {
			t.Errorf("it begins as %+v", begun)
		}
		j := b.end(begun.ID)
		if j.State != StateDone || j.Reason != "" || j.Place != "http://dp1.example/SMS_DP_SMSPKG$/PS100015" {
			t.Errorf("the job is %+v", j)
		}
		wantResults(t, j, map[string]Result{
			"Setup.exe": ResultFetched, "media/Install.wim": ResultFetched, "media/Install (2).wim": ResultFetched,
			"empty.txt": ResultFetched, "Ordner/Größe 100%.txt": ResultFetched, "bin/web.config": ResultFetched,
		})
		total := int64(300 + 5*mib + 77 + mib + 4000 + 12)
		if j.Size != total || j.Stored != total || j.Fetched != total {
			t.Errorf("size %d, stored %d, fetched %d; want %d", j.Size, j.Stored, j.Fetched, total)
		}
		for raw, path := range map[string]string{
			"/SMS_DP_SMSPKG$/PS100015/sccm?/setup.exe":                         "Setup.exe",
			"/NOCERT_SMS_DP_SMSPKG$/ps100015/media/Install.wim":                "media/Install.wim",
			"/CCMTOKENAUTH_SMS_DP_SMSPKG%24/PS100015/media/install%20(2).wim":  "media/Install (2).wim",
			"/SMS_DP_SMSPKG$/PS100015/sccm?/Ordner/Gr%C3%B6%C3%9Fe%20100%.txt": "Ordner/Größe 100%.txt",
			"/SMS_DP_SMSPKG$/PS100015/sccm?/bin/web.config":                    "bin/web.config",
			"/SMS_DP_SMSPKG$/PS100015/sccm?/empty.txt":                         "empty.txt",
		} {
			b.wantStored("http", "dp1.example", raw, w.files[path])
		}
	})
}

// TestSecondJobFetchesNothing runs a job for what is there, and one for what is there in part.
func TestSecondJobFetchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(tree())
		b := newBox(t, w, nil)
		b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		before := len(w.ranges)
		j := b.end(b.start(Request{Content: strings.ToLower(packageID), From: pointURL}).ID)
		if j.State != StateDone || j.Counts != (Counts{Files: 6, There: 6}) || j.Fetched != 0 || j.Stored != j.Size {
			t.Errorf("the second job is %+v", j)
		}
		if len(w.ranges) != before {
			t.Errorf("it asked for %v", w.ranges[before:])
		}
		w.set(func() { w.files["new.bin"] = data("new", 2*mib) })
		j = b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		if j.Counts != (Counts{Files: 7, There: 6, Fetched: 1}) || j.Fetched != 2*mib {
			t.Errorf("the third job is %+v", j)
		}
	})
}

func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(tree())
		b := newBox(t, w, nil)
		j := b.end(b.start(Request{Content: packageID, From: pointURL, DryRun: true}).ID)
		if j.State != StateDone || j.Counts != (Counts{Files: 6, Pending: 6}) || j.Stored != 0 || j.Size == 0 || len(w.ranges) > 0 {
			t.Errorf("the job is %+v after %v", j, w.ranges)
		}
		w.set(func() { delete(w.files, "media/Install.wim") })
		b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		w.set(func() { w.files["media/Install.wim"] = data("install", 100) })
		before := len(w.ranges)
		j = b.end(b.start(Request{Content: packageID, From: pointURL, DryRun: true}).ID)
		if j.Counts != (Counts{Files: 6, There: 5, Pending: 1}) || j.Stored != j.Size-100 || len(w.ranges) != before {
			t.Errorf("the job is %+v after %v", j, w.ranges[before:])
		}
		if names := jobFiles(t, b); len(names) != 1 {
			t.Errorf("the files of jobs are %v; dry runs leave none", names)
		}
	})
}

func jobFiles(t *testing.T, b *box) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSmallFilesFirst looks at the order in which files are asked for when there is one at a time.
func TestSmallFilesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(map[string][]byte{"a": data("a", 3*mib), "b": data("b", 10), "c": data("c", 2000), "d": data("d", 10)})
		b := newBox(t, w, func(c *Config) { c.Parallel = 1 })
		b.end(b.start(Request{Content: packageID, From: pointURL}).ID)
		var order []string
		for _, r := range w.ranges {
			path, _, _ := strings.Cut(r, " ")
			order = append(order, path)
		}
		if got := slices.Compact(order); !slices.Equal(got, []string{"b", "d", "c", "a"}) {
			t.Errorf("the order is %v", got)
		}
	})
}

// TestSideBySide checks that all jobs together fetch no more files at a time than the configuration says.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := map[string][]byte{}
		w := newWorld(files)
		w.pace = time.Millisecond
		for i := range 15 {
			files[fmt.Sprint("file", i)] = data("x", 100_000)
		}
		b := newBox(t, w, func(c *Config) { c.Parallel = 3 })
		var ids []string
		for _, id := range []string{"PS100015", "PS100016", "PS100017", "Content_11111111-2222-3333-4444-555555555555"} {
			ids = append(ids, b.start(Request{Content: id, From: pointURL}).ID)
		}
		for _, id := range ids {
			if j := b.end(id); j.State != StateDone {
				t.Errorf("the job is %+v", j)
			}
		}
		if w.most != 3 {
			t.Errorf("%d streams were open at a time, want 3", w.most)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	b := newBox(t, newWorld(nil), nil)
	good := func() Config {
		return Config{Store: b.store, Origins: b.world, Lister: b.world, Dir: filepath.Join(t.TempDir(), "jobs")}
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no directory":      func(c *Config) { c.Dir = "" },
		"no cache":          func(c *Config) { c.Store = nil },
		"no origins":        func(c *Config) { c.Origins = nil },
		"nobody who lists":  func(c *Config) { c.Lister = nil },
		"negative":          func(c *Config) { c.Parallel = -1 },
		"far too many":      func(c *Config) { c.Parallel = 65 },
		"a directory taken": func(c *Config) { c.Dir = plain },
	} {
		t.Run(name, func(t *testing.T) {
			config := good()
			spoil(&config)
			if _, err := New(config); err == nil {
				t.Error("it was taken")
			}
		})
	}
	t.Run("a registry that has its metrics", func(t *testing.T) {
		config := good()
		config.Registerer = prometheus.NewRegistry()
		first, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(config); err == nil {
			t.Error("it was taken twice")
		}
		if err := errors.Join(first.Close(context.Background()), first.Close(context.Background())); err != nil {
			t.Error(err)
		}
		again, err := New(config)
		if err != nil {
			t.Fatalf("after the first was closed: %v", err)
		}
		if err := again.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
