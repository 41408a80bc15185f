package main

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/admin"
	"branchpoint/proxy"
)

// listenerText says what a listener is to its clients, and where they find it.
func listenerText(l admin.Listener) string {
	what := l.URL
	switch {
	case l.Gateway != "":
		what = fmt.Sprintf("%s, a gateway to %s", l.URL, l.Gateway)
	case l.URL == "":
		what = fmt.Sprintf("%s on %s", l.Kind, l.Address)
	}
	return what + ", entitlement " + l.Entitlement
}

// interceptionText says whether HTTPS is seen into at all.
func interceptionText(i proxy.Interception) string {
	if !i.On {
		return "tunnelled; there is no certificate authority (branchpoint ca init)"
	}
	seen := 0
	for _, host := range i.Hosts {
		if host.Intercepted {
			seen++
		}
	}
	hosts := "hosts"
	if seen == 1 {
		hosts = "host"
	}
	text := fmt.Sprintf("seen into for %d %s that clients have asked for", seen, hosts)
	if tunnelled := len(i.Hosts) - seen; tunnelled > 0 {
		text += fmt.Sprintf("; %d of ours tunnelled", tunnelled)
	}
	return text
}

// interceptionTable lists hosts of ours that clients have asked for by HTTPS.
func interceptionTable(hosts []proxy.InterceptedHost) string {
	t := newTable()
	t.AppendHeader(table.Row{"HTTPS host", "Connections", "State"})
	for _, h := range hosts {
		state := "seen into"
		if !h.Intercepted {
			state = "tunnelled: " + h.Reason
		}
		t.AppendRow(table.Row{h.Name, humanize.Comma(h.Connections), state})
	}
	return t.Render() + "\n"
}
