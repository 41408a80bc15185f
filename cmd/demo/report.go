package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/integration/sim"
)

// note remembers what a client got; it was compared byte for byte with the library as it came.
func (s *stage) note(client, what string, bytes int64, took time.Duration, note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, result{client, what, bytes, took, note})
}

// report tells who got what from where, and what the line was spared.
func (s *stage) report(w io.Writer) error {
	fmt.Fprintln(w)
	s.reportClients(w)
	s.reportOrigins(w)
	return s.reportTotals(w)
}

func (s *stage) reportClients(w io.Writer) {
	t := newTable(w, "Who got what (every byte compared with the truth)")
	t.AppendHeader(table.Row{"client", "content", "bytes", "took", ""})
	sort.SliceStable(s.results, func(i, j int) bool { return s.results[i].client < s.results[j].client })
	for _, r := range s.results {
		t.AppendRow(table.Row{r.client, r.what, size(r.bytes), r.took.Round(10 * time.Millisecond), r.note})
	}
	t.Render()
}

// reportOrigins tells what each distribution point has sent over its line.
func (s *stage) reportOrigins(w io.Writer) {
	sent := map[string]map[string]int64{}
	for _, part := range s.site.Counters.Sent() {
		id, _, _ := strings.Cut(part.File, "/")
		if sent[part.DP] == nil {
			sent[part.DP] = map[string]int64{}
		}
		sent[part.DP][id] += part.Length
	}
	t := newTable(w, "From where")
	t.AppendHeader(table.Row{"distribution point", "content", "bytes sent"})
	for _, dp := range s.site.DPs() {
		for id, n := range sent[dp.Name()] {
			t.AppendRow(table.Row{dp.Name() + " " + s.kind(dp), id, size(n)})
		}
	}
	t.Render()
}

func (s *stage) kind(dp *sim.DP) string {
	switch dp {
	case s.site.First:
		return "(enhanced HTTP, killed)"
	case s.site.Second:
		return "(enhanced HTTP)"
	case s.site.Windows:
		return "(Windows authentication)"
	}
	return "(anonymous)"
}

// reportTotals tells the sums as Branchpoint itself counts them, and fails when they do not add up.
func (s *stage) reportTotals(w io.Writer) error {
	var delivered int64
	for _, r := range s.results {
		delivered += r.bytes
	}
	line := s.site.Counters.Bytes()
	var answer struct {
		Tokens []struct{ Audience, Fingerprint string }
	}
	var status struct {
		Totals struct {
			HitRatio float64 `json:"hit_ratio"`
		}
	}
	if err := errors.Join(s.ask("/api/v1/tokens", &answer), s.ask("/api/v1/status", &status)); err != nil {
		return err
	}
	t := newTable(w, "In all")
	t.AppendRow(table.Row{"delivered to clients", size(delivered)})
	t.AppendRow(table.Row{"sent by distribution points", size(line)})
	t.AppendRow(table.Row{"the line was spared", fmt.Sprintf("%s, %.1f %%", size(delivered-line), 100*float64(delivered-line)/float64(delivered))})
	t.AppendRow(table.Row{"hit ratio in bytes", fmt.Sprintf("%.1f %% were on disk when a client came to them; the rest was shared as it came", 100*status.Totals.HitRatio)})
	for _, token := range answer.Tokens {
		t.AppendRow(table.Row{"token for " + token.Audience, fmt.Sprintf("fingerprint %s, shown to DPs %d times", token.Fingerprint, s.site.Tokens.Used())})
	}
	t.Render()
	if delivered <= line {
		return errors.New("the cache has spared nothing")
	}
	return nil
}

func (s *stage) ask(path string, into any) error {
	resp, err := http.Get(s.admin + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func newTable(w io.Writer, title string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetTitle("%s", title)
	t.SetStyle(table.StyleLight)
	return t
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }
