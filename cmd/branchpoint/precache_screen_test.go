package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/proxy/precache"
)

// fetching is a job of two files, of which so many bytes are there.
func fetching(stored int64) precache.Job {
	return precache.Job{
		ID: "7", Request: precache.Request{Content: "PS100015"}, State: precache.StateFetching, Place: "http://dp1/SMS_DP_SMSPKG$/PS100015",
		Counts: precache.Counts{Files: 2, Fetching: 1, There: 1}, Size: 100 << 20, Stored: stored, BytesPerSecond: 2 << 20, SecondsLeft: 90,
		Active: []precache.File{{Path: "media/a very long name of a folder, and then/install.wim", Size: 90 << 20, Stored: stored - 10<<20, Result: precache.ResultFetching}},
	}
}

func TestPrecacheLines(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1700000000, 0)
	lines := &precacheLines{out: &out, now: func() time.Time { return now }}
	lines.show(precache.Job{State: precache.StateLocating})
	for _, mib := range []int64{10, 11, 24, 25, 26, 60, 74, 99, 100, 100} {
		now = now.Add(5 * time.Second)
		lines.show(fetching(mib << 20))
	}
	lines.close()
	want := `PS100015: 100 MiB of http://dp1/SMS_DP_SMSPKG$/PS100015
PS100015: 25 %, 25 MiB of 100 MiB, 2.0 MiB/s, 1m30s left
PS100015: 60 %, 60 MiB of 100 MiB, 2.0 MiB/s, 1m30s left
PS100015: 99 %, 99 MiB of 100 MiB, 2.0 MiB/s, 1m30s left
PS100015: 100 %, 100 MiB of 100 MiB, 2.0 MiB/s, 1m30s left
`
	if got := out.String(); got != want {
		t.Errorf("the lines are\n%swant\n%s", got, want)
	}
	out.Reset()
	now = now.Add(lineEvery)
	lines.show(fetching(100 << 20))
	if out.Len() == 0 {
		t.Error("it says nothing for half a minute")
	}
}

// page is what a terminal gets.
type page struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(b)
}

func (p *page) has(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.all.String(), text)
}

// TestBarsThatEndAtOnce: a job may be over before the first bar is drawn.
func TestBarsThatEndAtOnce(t *testing.T) {
	for range 100 {
		newPrecacheBars(&page{}).close()
	}
}

func TestPrecacheBars(t *testing.T) {
	out := &page{}
	bars := newPrecacheBars(out)
	bars.show(precache.Job{Request: precache.Request{Content: "PS100015"}, State: precache.StateLocating})
	j := fetching(60 << 20)
	seen := func(text string) {
		t.Helper()
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for range 1000 {
			if bars.show(j); out.has(text) {
				return
			}
			<-again.C
		}
		t.Fatalf("%q is not shown", text)
	}
	seen("PS100015: 1 of 2 files, 2.0 MiB/s, 1m30s left")
	seen("… name of a folder, and then/install.wim")
	seen("Total")
	j.Active, j.Stored, j.Counts = nil, j.Size, precache.Counts{Files: 2, There: 1, Failed: 1}
	seen("PS100015: 1 of 2 files, 1 not")
	if len(bars.files) > 0 {
		t.Errorf("there are bars of %v", bars.files)
	}
	bars.close()
}

func TestPrecacheHeadline(t *testing.T) {
	for state, want := range map[precache.State]string{
		precache.StateLocating: "PS100015: asking who has it", precache.StateListing: "PS100015: asking for the list of files",
	} {
		if got := precacheHeadline(precache.Job{Request: precache.Request{Content: "PS100015"}, State: state}); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for in, want := range map[string]string{"": "", "12345": "12345", "123456": "…3456", "Größe/ü": "…ße/ü"} {
		if got := shorten(in, 5); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestPrecacheResult(t *testing.T) {
	dry, wet := precache.Job{Request: precache.Request{DryRun: true}}, precache.Job{}
	for want, c := range map[string]struct {
		job  precache.Job
		file precache.File
	}{
		"failed: why":                          {wet, precache.File{Result: precache.ResultFailed, Reason: "why"}},
		"missing":                              {wet, precache.File{Result: precache.ResultMissing}},
		"not fetched":                          {wet, precache.File{Result: precache.ResultPending}},
		"already there":                        {dry, precache.File{Result: precache.ResultThere, Stored: 5}},
		"to be fetched":                        {dry, precache.File{Result: precache.ResultPending}},
		"to be fetched; 5.0 MiB already there": {dry, precache.File{Result: precache.ResultPending, Stored: 5 << 20}},
	} {
		if got := precacheResult(c.job, c.file); got != want {
			t.Errorf("%+v is %q, want %q", c.file, got, want)
		}
	}
}
