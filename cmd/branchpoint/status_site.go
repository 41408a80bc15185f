package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/admin"
	"branchpoint/tokenbroker/site"
)

// siteText tells of the registration in one row of the table.
func siteText(s *site.Status) string {
	text := s.Registration.State
	if s.Registration.SMSID != "" {
		text += ", " + s.Registration.SMSID
	}
	if s.Registration.LastError != "" {
		text += "\n" + s.Registration.LastError
	}
	return text
}

// wayNames are how people call the ways to a site.
var wayNames = map[string]string{"mp": "management point", "cmg": "gateway"}

// siteTable tells of each way to the site, and of names that somebody may want to put into the settings.
func siteTable(s *site.Status, now time.Time) string {
	t := newTable()
	t.AppendHeader(table.Row{"Way to the site", "State", "Since", "Last answer", "Last error"})
	for _, w := range s.Ways {
		why := w.LastError
		if w.TokenError != "" {
			why = strings.TrimPrefix(why+"\n"+w.TokenError, "\n")
		}
		t.AppendRow(table.Row{wayName(w.Name), w.State, ago(w.Since, now), ago(w.LastSuccess, now), why})
	}
	text := t.Render() + "\n" + aboutText(s)
	if len(s.UnknownNames) > 0 {
		text += fmt.Sprintf("The site's answers have names that are not known here; one of them may be for site.dp_token.paths:\n  %s\n",
			strings.Join(s.UnknownNames, "\n  "))
	}
	return text
}

// aboutText tells who answers by each way, as far as it is known.
func aboutText(s *site.Status) (text string) {
	for _, w := range s.Ways {
		if w.About == nil {
			continue
		}
		var said []string
		if w.About.Version != "" {
			said = append(said, "version "+w.About.Version)
		}
		if len(w.About.ManagementPoints) > 0 {
			said = append(said, "management points "+strings.Join(w.About.ManagementPoints, ", "))
		}
		if w.About.SigningCertificate != "" {
			said = append(said, "signing certificate "+w.About.SigningCertificate)
		}
		if len(said) > 0 {
			kept := ""
			if w.About.Asked.IsZero() {
				kept = ", as it said before this program began"
			}
			text += fmt.Sprintf("The site, by its %s%s: %s.\n", wayName(w.Name), kept, strings.Join(said, "; "))
		}
	}
	return text
}

func wayName(name string) string {
	if known, ok := wayNames[name]; ok {
		return known
	}
	return name
}

func ago(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return humanize.RelTime(at, now, "ago", "from now")
}

// notesText are what somebody should know although nothing fails.
func notesText(notes []admin.Check) string {
	var lines []string
	for _, n := range notes {
		lines = append(lines, n.Reason)
	}
	return strings.Join(lines, "\n")
}
