package main

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/progress"

	"branchpoint/proxy/precache"
)

// precacheBars has a bar for each file that is being fetched, and one for the whole.
type precacheBars struct {
	bars  progress.Writer
	done  chan struct{}
	total *progress.Tracker // nil until the files are known
	files map[string]*progress.Tracker
}

// barName is how many letters of a name are shown.
const barName = 40

func newPrecacheBars(out io.Writer) *precacheBars {
	b := &precacheBars{bars: progress.NewWriter(), done: make(chan struct{}), files: map[string]*progress.Tracker{}}
	b.bars.SetOutputWriter(out)
	b.bars.SetUpdateFrequency(100 * time.Millisecond)
	b.bars.SetTrackerLength(25)
	b.bars.SetMessageLength(barName)
	b.bars.SetSortBy(progress.SortByNone)
	b.bars.SetStyle(progress.StyleBlocks)
	visible := &b.bars.Style().Visibility
	visible.ETA, visible.Speed, visible.Time = false, false, false // those of the job are better: they know what was there
	go func() { defer close(b.done); b.bars.Render() }()
	return b
}

func (b *precacheBars) show(j precache.Job) {
	b.bars.SetPinnedMessages(precacheHeadline(j))
	if j.Counts.Files == 0 {
		return
	}
	if b.total == nil {
		b.total = &progress.Tracker{Message: "Total", Total: max(j.Size, 1), Units: progress.Units{Formatter: size}, AutoStopDisabled: true}
		b.bars.AppendTracker(b.total)
	}
	b.total.UpdateTotal(max(j.Size, 1))
	b.total.SetValue(j.Stored)
	active := make(map[string]bool, len(j.Active))
	for _, f := range j.Active {
		active[f.Path] = true
		b.file(f)
	}
	for path, t := range b.files {
		if !active[path] {
			t.MarkAsDone() // the bar goes; what became of the file is told in the end
			delete(b.files, path)
		}
	}
}

// file shows one file that is being fetched.
func (b *precacheBars) file(f precache.File) {
	t := b.files[f.Path]
	if t == nil {
		t = &progress.Tracker{
			Message: shorten(f.Path, barName), Total: max(f.Size, 1), Units: progress.Units{Formatter: size}, AutoStopDisabled: true, RemoveOnCompletion: true,
		}
		b.files[f.Path] = t
		b.bars.AppendTracker(t)
	}
	t.UpdateTotal(max(f.Size, 1))
	t.SetValue(f.Stored)
}

func (b *precacheBars) close() {
	for _, t := range b.files {
		t.MarkAsDone()
	}
	for { // the bar of the whole stays as it is: not every job ends with all of it
		b.bars.Stop() // which does nothing before Render has begun
		select {
		case <-b.done:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// precacheHeadline says what is being done.
func precacheHeadline(j precache.Job) string {
	switch {
	case j.State == precache.StateLocating:
		return j.Content + ": asking who has it"
	case j.State == precache.StateListing || j.Counts.Files == 0:
		return j.Content + ": asking for the list of files"
	}
	line := fmt.Sprintf("%s: %d of %d files", j.Content, j.Counts.Fetched+j.Counts.There, j.Counts.Files)
	if bad := j.Counts.Failed + j.Counts.Missing; bad > 0 {
		line += fmt.Sprintf(", %d not", bad)
	}
	if pace := precachePace(j); pace != "" {
		line += ", " + pace
	}
	return line
}

// shorten keeps the end of a path, which tells files apart.
func shorten(path string, most int) string {
	n := utf8.RuneCountInString(path)
	if n <= most {
		return path
	}
	letters := []rune(path)
	return "…" + string(letters[n-most+1:])
}
