package precache

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// full is a job with everything in it.
func full(id string, ended time.Time) Job {
	j := Job{
		ID: id, Request: Request{Content: packageID, Version: 2, From: "cmg"}, State: StateFailed, Reason: "why", Resumed: true,
		Place: "https://cmg.example/x", Created: ended.Add(-time.Hour), Ended: ended, Counts: Counts{Files: 250, Fetched: 100, Missing: 150},
		Size: 5, Stored: 4, Fetched: 3,
	}
	for i := range 250 {
		result := ResultMissing
		if i < 100 {
			result = ResultFetched
		}
		j.Files = append(j.Files, File{Path: fmt.Sprint("file", i), Size: 1, Result: result})
	}
	return j
}

func TestRecord(t *testing.T) {
	ended := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	j := full("0123456789abcdef", ended)
	text, err := json.Marshal(saved(j))
	if err != nil {
		t.Fatal(err)
	}
	r, a, err := readRecord(text, j.ID)
	if err != nil || a.id != packageID || a.number != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
	want := j
	want.Files = j.Files[100:200]
	if got := r.job(); !reflect.DeepEqual(got, want) {
		t.Errorf("it comes back as %+v, want %+v", got, want)
	}
	running := Job{ID: j.ID, Request: j.Request, State: StateFetching, Created: ended, Size: 5}
	text, _ = json.Marshal(saved(running))
	if r, _, err := readRecord(text, j.ID); err != nil || r.Ended != nil {
		t.Errorf("a running one comes back as %+v, %v", r, err)
	}
}

// FuzzReadRecord checks that whatever is in a file, what is read from it is a job that can be run or shown.
func FuzzReadRecord(f *testing.F) {
	const id = "0123456789abcdef"
	good, err := json.Marshal(saved(full(id, time.Unix(1700000000, 0).UTC())))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, seed := range []string{
		"", "{}", "null", "[]", `{"format":1,"id":"` + id + `","request":{"content":"PS100015"},"created":"2026-01-02T03:04:05Z"}`,
		`{"format":1,"id":"` + id + `","request":{"content":"PS100015"},"created":"2026-01-02T03:04:05Z"} {}`,
		`{"format":2,"id":"` + id + `"}`, `{"format":1,"id":"` + id + `","request":{"content":"PS100015"},"ended":{"state":"fetching"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, a, err := readRecord(text, id)
		if err != nil {
			return
		}
		j := r.job()
		if j.ID != id || j.DryRun || j.State.Ended() != (r.Ended != nil) || a.number < 0 {
			t.Errorf("%s is read as %+v", text, j)
		}
		again, err := json.Marshal(saved(j))
		if err != nil {
			t.Skip("a time that JSON cannot have")
		}
		if _, _, err := readRecord(again, id); err != nil {
			t.Errorf("what was written of %s is not read: %v", text, err)
		}
	})
}

// TestFolder opens a directory in which there is all kinds of things.
func TestFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{t: t, world: newWorld(tree()), dir: t.TempDir(), log: &book{}}
		dir := filepath.Join(b.dir, "jobs")
		if err := os.MkdirAll(filepath.Join(dir, "00000000000000ff.json"), 0o700); err != nil {
			t.Fatal(err)
		}
		put := func(name, text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := range maxEnded + 3 {
			j := full(fmt.Sprintf("%016x", i), time.Unix(int64(1700000000-i), 0).UTC())
			text, err := json.Marshal(saved(j))
			if err != nil {
				t.Fatal(err)
			}
			put(j.ID+".json", string(text))
		}
		unfinished := `{"format":1,"id":"00000000000000aa","request":{"content":"PS100015","from":"http://dp1.example"},"created":"2026-01-02T03:04:05Z"}`
		put("00000000000000aa.json", unfinished)
		put("00000000000000bb.json", unfinished) // the name of another one
		put("00000000000000cc.json", `{"format":1,"id":"00000000000000cc","request":{"content":"PS1000`)
		put("00000000000000dd.json", strings.Repeat(" ", maxRecord+1))
		put("00000000000000ee.part", "half")
		put("notes.json", "{}")
		b.open()
		defer b.close()
		if j := b.end("00000000000000aa"); j.State != StateDone || !j.Resumed {
			t.Errorf("the unfinished one: %+v", j)
		}
		list := b.jobs.Jobs()
		if len(list) != maxEnded || list[0].ID != "00000000000000aa" {
			t.Errorf("%d jobs, the first is %+v", len(list), list[0])
		}
		if _, ok := b.jobs.Job(fmt.Sprintf("%016x", maxEnded-2), 0, 0); !ok {
			t.Error("a job was forgotten for which there was room")
		}
		if _, ok := b.jobs.Job(fmt.Sprintf("%016x", maxEnded-1), 0, 0); ok {
			t.Error("a job was remembered for which there was no room")
		}
		names := jobFiles(t, b)
		if slices.Contains(names, "00000000000000ee.part") || !slices.Contains(names, "00000000000000cc.json") || len(names) != maxEnded+5 {
			t.Errorf("the files are %v", names)
		}
		for _, bad := range []string{"bb", "cc", "dd", "ff"} {
			if !strings.Contains(b.log.String(), "job=00000000000000"+bad) {
				t.Errorf("the log does not name %s", bad)
			}
		}
	})
}

// TestPages looks at the files of a job page by page, while it runs and when it has ended.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := held()
		for i := range 10 {
			w.files[fmt.Sprint("f", i)] = data("f", 10)
		}
		b := newBox(t, w, nil)
		id := b.start(Request{Content: packageID, From: pointURL}).ID
		b.rest()
		look := func(when string) {
			t.Helper()
			var got []string
			for offset := 0; ; offset += 5 {
				j, ok := b.jobs.Job(id, offset, 5)
				if !ok || len(j.Files) > 5 {
					t.Fatalf("%s: %+v", when, j)
				}
				if len(j.Files) == 0 {
					break
				}
				for _, f := range j.Files {
					got = append(got, f.Path)
				}
			}
			if len(got) != 12 || !slices.IsSorted(got) {
				t.Errorf("%s: the files are %v", when, got)
			}
			if j, _ := b.jobs.Job(id, -5, 2); len(j.Files) != 2 {
				t.Errorf("%s: before the beginning there are %v", when, j.Files)
			}
		}
		look("running")
		close(gate)
		b.end(id)
		look("ended")
		if list := b.jobs.Jobs(); len(list) != 1 || list[0].Files != nil {
			t.Errorf("the list is %+v", list)
		}
	})
}
