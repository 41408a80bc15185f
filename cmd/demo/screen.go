package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// screen shows what happens: bars on a terminal, a line now and then elsewhere.
type screen struct {
	out      io.Writer
	terminal bool

	mu  sync.Mutex
	bar progress.Writer
}

func newScreen(out io.Writer, terminal bool) *screen { return &screen{out: out, terminal: terminal} }

// say prints a line, above the bars when there are any.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		s.bar.Log(format, args...)
		return
	}
	fmt.Fprintf(s.out, format+"\n", args...)
}

// follow begins to show progress; the function that it returns ends that.
func (s *screen) follow() (stop func()) {
	if !s.terminal {
		return func() {}
	}
	bar := progress.NewWriter()
	bar.SetOutputWriter(s.out)
	bar.SetUpdateFrequency(100 * time.Millisecond)
	bar.SetTrackerLength(30)
	bar.SetMessageLength(12)
	bar.SetStyle(progress.StyleBlocks)
	bar.Style().Visibility.ETA = false
	bar.Style().Visibility.Speed = true
	s.mu.Lock()
	s.bar = bar
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); bar.Render() }()
	return func() {
		bar.Stop()
		<-done
		s.mu.Lock()
		s.bar = nil
		s.mu.Unlock()
	}
}

// track shows the progress of one client. The function that it returns counts bytes.
func (s *screen) track(name string, total int64) func(n int) {
	s.mu.Lock()
	bar := s.bar
	s.mu.Unlock()
	if bar != nil {
		t := &progress.Tracker{Message: name, Total: total, Units: progress.UnitsBytes}
		bar.AppendTracker(t)
		return func(n int) { t.Increment(int64(n)) }
	}
	var got, quarter int64
	return func(n int) {
		got += int64(n)
		if q := got * 4 / max(total, 1); q > quarter {
			quarter = q
			s.say("   %-8s %3d %%", name, 25*q)
		}
	}
}
