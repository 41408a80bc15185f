package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"branchpoint/integration/sim"
)

// describe tells how to use the site. It shows the name of the made-up account with its made-up password, but no token:
// that one is in its file.
func (c *serveCmd) describe(w io.Writer, site *sim.Site, control string) error {
	var b strings.Builder
	fmt.Fprintln(&b, "Distribution points:")
	for _, d := range site.DPs() {
		fmt.Fprintf(&b, "  %s  %s  %s\n", d.Name(), d.URL("http"), d.URL("https"))
	}
	if site.Cloud != nil {
		fmt.Fprintf(&b, "Cloud:\n  cloud    %s\n  storage  %s\n", site.Cloud.URL("https"), site.Storage.URL("https"))
	}
	if site.ManagementPoint != nil {
		describeMP(&b, site.ManagementPoint)
	}
	if site.Gateway != nil {
		describeCMG(&b, site.Gateway)
	}
	if site.Entra != nil {
		describeEntra(&b, site.Entra)
	}
	fmt.Fprintln(&b, "Contents:")
	for _, id := range site.Library.IDs() {
		for _, v := range site.Library.Versions(id) {
			fmt.Fprintf(&b, "  %-48s %5d files %12d bytes\n", v.Segment(), len(v.Files()), v.Size())
		}
	}
	fmt.Fprintf(&b, "Root certificate: %s\n", c.CAFile)
	fmt.Fprintf(&b, "Windows account:  %s, password %q\n", site.Account, site.Account.Password.Reveal())
	if c.Token != "" {
		fmt.Fprintf(&b, "Token:            in %s, shown as %s: %s\n", c.Token, c.Header, c.Format)
	}
	fmt.Fprintln(&b, "Try:")
	file := "/sccm?/setup.exe"
	fmt.Fprintf(&b, "  curl -o /dev/null -r 0-1048575 '%s%s'\n", site.Anonymous.Location(sim.VdirPlain, sim.DemoPackage), file)
	fmt.Fprintf(&b, "  curl -o /dev/null --ntlm -u '%s:%s' '%s%s'\n", site.Account, site.Account.Password.Reveal(),
		site.Windows.Location(sim.VdirPlain, sim.DemoPackage), file)
	if c.Token != "" {
		value := strings.Replace(c.Format, "{token}", "$(cat "+c.Token+")", 1)
		fmt.Fprintf(&b, "  curl -o /dev/null --cacert %s -H \"%s: %s\" '%s%s'\n", c.CAFile, c.Header, value,
			site.First.Location(sim.VdirToken, sim.DemoPackage), file)
	}
	jsonType := `-H 'Content-Type: application/json'`
	fmt.Fprintf(&b, "Control:          %s\n", control)
	if path, isUnix := strings.CutPrefix(control, "unix:"); isUnix {
		control = "--unix-socket " + path + " http://site"
	}
	fmt.Fprintf(&b, "  curl %s/status\n", control)
	fmt.Fprintf(&b, "  curl %s -d '{\"kind\":\"reset\",\"after\":1000000,\"count\":1}' %s/dp/DP4/faults\n", jsonType, control)
	fmt.Fprintf(&b, "  curl -X DELETE %s %s/dp/DP4/faults\n", jsonType, control)
	fmt.Fprintf(&b, "  curl -X POST %s %s/dp/DP4/kill   (or revive)\n", jsonType, control)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("tell how to use the site: %w", err)
	}
	return nil
}

// describeJSON tells programs what describe tells people, in one line.
func describeJSON(w io.Writer, site *sim.Site, control string) error {
	type server struct {
		Name  string `json:"name"`
		HTTP  string `json:"http,omitempty"`
		HTTPS string `json:"https,omitempty"`
	}
	var servers []server
	for _, d := range site.DPs() {
		servers = append(servers, server{d.Name(), d.URL("http"), d.URL("https")})
	}
	if site.Cloud != nil {
		servers = append(servers, server{site.Cloud.Name(), "", site.Cloud.URL("https")}, server{site.Storage.Name(), "", site.Storage.URL("https")})
	}
	if mp := site.ManagementPoint; mp != nil {
		servers = append(servers, server{mp.Name(), mp.URL("http"), mp.URL("https")})
	}
	if g := site.Gateway; g != nil {
		servers = append(servers, server{g.Name(), "", g.URL("https")})
	}
	if e := site.Entra; e != nil {
		servers = append(servers, server{e.Name(), e.URL("http"), e.URL("https")})
	}
	sizes := map[string]int64{}
	for _, id := range site.Library.IDs() {
		for _, v := range site.Library.Versions(id) {
			sizes[v.Segment()] = v.Size()
		}
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"servers": servers, "contents": sizes, "control": control}); err != nil {
		return fmt.Errorf("tell how to use the site: %w", err)
	}
	return nil
}
