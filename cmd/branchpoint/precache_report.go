package main

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/proxy/precache"
)

// precacheText is what came of a job: a line for each file, and one for all of them.
func precacheText(j precache.Job) string {
	var text strings.Builder
	if len(j.Files) > 0 {
		t := newTable()
		t.AppendHeader(table.Row{"File", "Size", "Result"})
		for _, f := range j.Files {
			t.AppendRow(table.Row{f.Path, size(f.Size), precacheResult(j, f)})
		}
		fmt.Fprintln(&text, t.Render())
	}
	if j.Counts.Files == 0 {
		return text.String()
	}
	fmt.Fprintf(&text, "%s from %s: files: %s, %s: %s.\n", j.Content, j.Place, humanize.Comma(int64(j.Counts.Files)), size(j.Size), precacheSum(j))
	return text.String()
}

// precacheResult is what became of a file. What is pending in the end was not fetched, or is not meant to be.
func precacheResult(j precache.Job, f precache.File) string {
	switch {
	case f.Result == precache.ResultFailed:
		return "failed: " + f.Reason
	case f.Result != precache.ResultPending:
		return string(f.Result)
	case j.DryRun && f.Stored > 0:
		return "to be fetched; " + size(f.Stored) + " already there"
	case j.DryRun:
		return "to be fetched"
	}
	return "not fetched"
}

// precacheSum counts the results.
func precacheSum(j precache.Job) string {
	pending := "not fetched"
	if j.DryRun {
		pending = "to be fetched (" + size(j.Size-j.Stored) + ")"
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{j.Counts.Fetched, "fetched (" + size(j.Fetched) + ")"}, {j.Counts.There, "already there"}, {j.Counts.Pending, pending},
		{j.Counts.Missing, "missing"}, {j.Counts.Failed, "failed"},
	} {
		if part.n > 0 {
			parts = append(parts, humanize.Comma(int64(part.n))+" "+part.what)
		}
	}
	return strings.Join(parts, ", ")
}
