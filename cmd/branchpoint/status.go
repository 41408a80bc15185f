package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/admin"
	"branchpoint/proxy/upstream"
)

// statusCmd shows how a running Branchpoint is doing.
type statusCmd struct {
	apiFlag
	JSON bool `name:"json" help:"Print what the admin API answers, for programs."`
}

// Run prints a table, or the answer as it came.
func (c *statusCmd) Run(s *streams) error {
	var status admin.Status
	body, err := c.ask("/api/v1/status", &status)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err = s.out.Write(body)
		return err
	}
	var upstreams admin.UpstreamList
	if _, err := c.ask("/api/v1/upstreams", &upstreams); err != nil {
		return err
	}
	text := statusTable(status)
	if status.Site != nil {
		text += "\n" + siteTable(status.Site, time.Now())
	}
	if len(status.Interception.Hosts) > 0 {
		text += "\n" + interceptionTable(status.Interception.Hosts)
	}
	if len(upstreams.Upstreams) > 0 {
		text += "\n" + upstreamTable(upstreams.Upstreams)
	}
	_, err = fmt.Fprint(s.out, text)
	return err
}

func statusTable(s admin.Status) string {
	t := newTable()
	t.AppendRow(table.Row{"Branchpoint", fmt.Sprintf("%s, up %v", s.Version, time.Duration(s.UptimeSeconds)*time.Second)})
	t.AppendRow(table.Row{"State", stateOf(s)})
	if notes := notesText(s.Notes); notes != "" {
		t.AppendRow(table.Row{"To be known", notes})
	}
	for _, l := range s.Listeners {
		t.AppendRow(table.Row{"Listener " + l.Name, listenerText(l)})
	}
	if s.Site != nil {
		t.AppendRow(table.Row{"Registration", siteText(s.Site)})
	}
	t.AppendRow(table.Row{"HTTPS", interceptionText(s.Interception)})
	c, n := s.Cache, s.Totals
	objects := humanize.Comma(int64(c.Objects))
	t.AppendRow(table.Row{"Cache", fmt.Sprintf("%s of %s, %s objects", size(c.Bytes), size(c.MaxBytes), objects)})
	if c.FreeBytes >= 0 { // otherwise the disk does not say
		t.AppendRow(table.Row{"Free on disk", size(c.FreeBytes)})
	}
	t.AppendRow(table.Row{"Requests", fmt.Sprintf("%s, %d active", humanize.Comma(n.Requests), n.ActiveRequests)})
	t.AppendRow(table.Row{"Content served", fmt.Sprintf("%s, %.1f %% of it from disk", size(n.ServedBytes), 100*n.HitRatio)})
	t.AppendRow(table.Row{"From upstream", size(n.UpstreamBytes)})
	t.AppendRow(table.Row{"WAN saved", size(n.SavedBytes)})
	return t.Render() + "\n"
}

func stateOf(s admin.Status) string {
	if s.Ready {
		return "ready"
	}
	var reasons []string
	for _, check := range s.Checks {
		reasons = append(reasons, check.Reason)
	}
	return "not ready; clients are still served\n" + strings.Join(reasons, "\n")
}

func upstreamTable(list []upstream.LocationStatus) string {
	t := newTable()
	t.AppendHeader(table.Row{"Distribution point", "Hierarchy", "State", "Requests", "Received", "First byte", "Last error"})
	for _, u := range list {
		latency := time.Duration(u.LatencySeconds * float64(time.Second)).Round(100 * time.Microsecond)
		hierarchy := u.Hierarchy
		if u.Located {
			hierarchy = "named by the site"
		}
		t.AppendRow(table.Row{u.URL, hierarchy, breakerText(u), humanize.Comma(u.Requests), size(u.Bytes), latency, u.LastError})
	}
	return t.Render() + "\n"
}

// breakerText says what a breaker's state means.
func breakerText(u upstream.LocationStatus) string {
	switch u.State {
	case "open":
		return "out of use"
	case "half-open":
		return "on trial"
	}
	return "in use"
}

func newTable() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	return t
}

// size writes bytes for people.
func size(n int64) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}
