package main

import (
	"fmt"
	"io"
	"time"

	"branchpoint/proxy/precache"
)

// precacheScreen shows how a job is doing.
type precacheScreen interface {
	show(j precache.Job)
	// close ends it; what is shown stays where it is.
	close()
}

// newPrecacheScreen shows bars on a terminal, and a line now and then elsewhere.
func newPrecacheScreen(out io.Writer) precacheScreen {
	if isTerminal(out) {
		return newPrecacheBars(out)
	}
	return &precacheLines{out: out, now: time.Now}
}

// precacheLines writes a line when a job comes to its files, at each quarter of it, and every half minute.
type precacheLines struct {
	out     io.Writer
	now     func() time.Time
	begun   bool
	quarter int64
	at      time.Time
}

// lineEvery is how long a job says nothing.
const lineEvery = 30 * time.Second

func (l *precacheLines) show(j precache.Job) {
	if j.Counts.Files == 0 {
		return
	}
	quarter := 4 * j.Stored / max(j.Size, 1)
	switch {
	case !l.begun:
		fmt.Fprintf(l.out, "%s: %s of %s\n", j.Content, size(j.Size), j.Place)
	case quarter > l.quarter || l.now().Sub(l.at) >= lineEvery:
		fmt.Fprintln(l.out, precacheLine(j))
	default:
		return
	}
	l.begun, l.quarter, l.at = true, quarter, l.now()
}

func (*precacheLines) close() {}

// precacheLine is how far a job is, in a line.
func precacheLine(j precache.Job) string {
	line := fmt.Sprintf("%s: %d %%, %s of %s", j.Content, 100*j.Stored/max(j.Size, 1), size(j.Stored), size(j.Size))
	if pace := precachePace(j); pace != "" {
		line += ", " + pace
	}
	return line
}

// precachePace is how fast it goes, and how long it takes. Empty: nobody knows.
func precachePace(j precache.Job) string {
	if j.BytesPerSecond == 0 {
		return ""
	}
	return fmt.Sprintf("%s/s, %v left", size(j.BytesPerSecond), time.Duration(j.SecondsLeft)*time.Second)
}
