package main

import (
	"fmt"
	"io"
	"strings"

	"branchpoint/integration/sim"
)

// describe tells how to use the site. It shows the name of the made-up account with its made-up password, but no token:
// that one is in its file.
func describe(w io.Writer, o options, site *sim.Site, control string) error {
	var b strings.Builder
	fmt.Fprintln(&b, "Distribution points:")
	for _, d := range site.DPs() {
		fmt.Fprintf(&b, "  %s  %s  %s\n", d.Name(), d.URL("http"), d.URL("https"))
	}
	fmt.Fprintln(&b, "Contents:")
	for _, id := range site.Library.IDs() {
		for _, v := range site.Library.Versions(id) {
			fmt.Fprintf(&b, "  %-48s %5d files %12d bytes\n", v.Segment(), len(v.Files()), v.Size())
		}
	}
	fmt.Fprintf(&b, "Root certificate: %s\n", o.CAFile)
	fmt.Fprintf(&b, "Windows account:  %s, password %q\n", site.Account, site.Account.Password.Reveal())
	if o.Token != "" {
		fmt.Fprintf(&b, "Token:            in %s, shown as %s: %s\n", o.Token, o.Header, o.Format)
	}
	fmt.Fprintln(&b, "Try:")
	file := "/sccm?/setup.exe"
	fmt.Fprintf(&b, "  curl -o /dev/null -r 0-1048575 '%s%s'\n", site.Anonymous.Location(sim.VdirPlain, sim.DemoPackage), file)
	fmt.Fprintf(&b, "  curl -o /dev/null --ntlm -u '%s:%s' '%s%s'\n", site.Account, site.Account.Password.Reveal(),
		site.Windows.Location(sim.VdirPlain, sim.DemoPackage), file)
	if o.Token != "" {
		value := strings.Replace(o.Format, "{token}", "$(cat "+o.Token+")", 1)
		fmt.Fprintf(&b, "  curl -o /dev/null --cacert %s -H \"%s: %s\" '%s%s'\n", o.CAFile, o.Header, value,
			site.First.Location(sim.VdirToken, sim.DemoPackage), file)
	}
	json := `-H 'Content-Type: application/json'`
	fmt.Fprintf(&b, "Control:          %s\n", control)
	fmt.Fprintf(&b, "  curl %s/status\n", control)
	fmt.Fprintf(&b, "  curl %s -d '{\"kind\":\"reset\",\"after\":1000000,\"count\":1}' %s/dp/DP4/faults\n", json, control)
	fmt.Fprintf(&b, "  curl -X DELETE %s %s/dp/DP4/faults\n", json, control)
	fmt.Fprintf(&b, "  curl -X POST %s %s/dp/DP4/kill   (or revive)\n", json, control)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("tell how to use the site: %w", err)
	}
	return nil
}
