package integration

import (
	"fmt"
	"testing"

	"branchpoint/integration/sim"
)

// office is a machine on the corporate network with a box on it. The distribution points have enhanced HTTP, and they know neither
// an account nor a certificate of the machine: only a token opens them.
type office struct {
	*box
	site    *sim.Site
	machine sim.Machine
	dps     []*sim.DP   // in the order in which the management point names them
	tokens  *sim.Tokens // that they take
	config  officeConfig

	registered officeAsked // when it had just registered
}

// officeConfig says what kind of machine it is, and how its site differs from others.
type officeConfig struct {
	kind sim.MachineKind
	form tokenForm
	// points is how many distribution points there are. Zero means two.
	points int
	// unnamed leaves them out of the box's configuration.
	unnamed bool
	// link is that to each of them. Nil means none.
	link *sim.LinkConfig
	// change is called before the site starts. Nil is not called.
	change func(*sim.SiteConfig)
	// extra is for the box's configuration, by what the site has become. Nil adds nothing.
	extra func(*office) string
}

// newOffice starts a site and a box on a machine that has registered in the way that is open to its kind.
func newOffice(t testing.TB, lib *sim.Library, c officeConfig) *office {
	t.Helper()
	o := prepareOffice(t, lib, c)
	o.start(o.command())
	return o
}

// prepareOffice is newOffice without starting the box.
func prepareOffice(t testing.TB, lib *sim.Library, c officeConfig) *office {
	t.Helper()
	if c.points == 0 {
		c.points = 2
	}
	o := &office{config: c}
	o.startSite(t, lib)
	onBoard(t, o.String)
	o.enter(t)
	o.register()
	return o
}

func (o *office) startSite(t testing.TB, lib *sim.Library) {
	t.Helper()
	c := sim.SiteConfig{
		Library: lib, Entra: &sim.EntraPlace{},
		ManagementPoint: &sim.MPPlace{Config: sim.ManagementPointConfig{MPSettings: sim.MPSettings{Delivery: o.config.form.TokenDelivery}}},
	}
	if o.config.change != nil {
		o.config.change(&c)
	}
	var err error
	o.site, err = sim.StartSite(c)
	must(t, err)
	t.Cleanup(func() { o.site.Close() })
	o.tokens = o.site.Tokens
	if o.config.form.Form == sim.DeliverNowhere {
		o.tokens = o.site.CCMTokens
	}
	var sources []sim.Source
	for n := range o.config.points {
		dp := o.startPoint(t, n)
		o.dps, sources = append(o.dps, dp), append(sources, sim.Source{DP: dp})
	}
	o.name(t, sources...)
}

// startPoint starts the nth distribution point: Windows authentication over http and https, tokens over https.
func (o *office) startPoint(t testing.TB, n int) *sim.DP {
	t.Helper()
	c := sim.DPConfig{
		Name: fmt.Sprintf("office%d", n+1), Library: o.site.Library, CA: o.site.CA, HTTPSAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0",
		Access:   map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessWindows, sim.VdirNoCert: sim.AccessWindows, sim.VdirToken: sim.AccessToken},
		Accounts: []sim.Account{o.site.Account}, Tokens: o.tokens, Counters: o.site.Counters, Log: o.site.Log,
	}
	if o.config.link != nil {
		var err error
		c.Link, err = sim.NewLink(*o.config.link)
		must(t, err)
	}
	return startDP(t, c)
}

// name has the management point name places, and no others.
func (o *office) name(t testing.TB, sources ...sim.Source) {
	t.Helper()
	must(t, o.site.ManagementPoint.Change(func(s *sim.MPSettings) { s.Sources = sources }))
}

// locations are where a client is sent that has no token of its own, nearest first.
func (o *office) locations(segment string) (urls []string) {
	for _, dp := range o.dps {
		urls = append(urls, dp.Location(sim.VdirPlain, segment))
	}
	return urls
}

// client is the configuration of a simulated client on the machine. It has neither account nor token nor certificate.
func (o *office) client() sim.ClientConfig {
	return sim.ClientConfig{Library: o.site.Library, Proxy: o.proxy, RootCAs: o.site.CA.Pool()}
}
