package integration

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
)

// officeCloud is where the cloud distribution point of a site with an office is.
const officeCloud = "127.0.0.4"

// TestScenario07CloudSource is row 7: on the corporate network, what the management point names as the source of a package, an
// application, an update and a task sequence is a cloud distribution point. Its token comes with the answer about the location,
// wrapped in each way.
func TestScenario07CloudSource(t *testing.T) {
	t.Parallel()
	for kind := range sim.Hybrid + 1 {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			o, roots := newCloudOffice(t, officeConfig{kind: kind, form: inReply(sim.PlaceRecord, true, sim.TokenEncoding(kind))})
			agent := o.newColleague(kind)
			for _, job := range []struct {
				segment string
				change  func(*sim.CloudConfig)
			}{
				{roamingPackage, nil}, {roamingUpdate, nil},
				{roamingImage, func(c *sim.CloudConfig) { c.BITS.BlockSize, c.BITS.UserAgent = sim.NoRange, "SMS CCM 5.0 TS" }},
			} {
				o.fromCloud(roots, agent.locate(job.segment), job.segment, job.change)
			}
			o.fetchAhead("mp", app+".1", 4)
			o.fromCloud(roots, agent.locate(app+".1"), app, nil)
			if got, want := o.since(), (officeAsked{located: 2, clouds: 2}); got != want {
				t.Errorf("the site was asked %+v, want %+v: for a token with the first content, and for the location of the one that was pre-cached",
					got, want)
			}
			o.expectOnce([]string{roamingPackage, roamingUpdate, roamingImage, app + ".1"})
		})
	}
}

// newCloudOffice is newOffice with a cloud distribution point that is all that the management point names, and a box that sees into
// connections to it. roots are what clients trust.
func newCloudOffice(t *testing.T, c officeConfig) (o *office, roots *x509.CertPool) {
	t.Helper()
	tokens, err := sim.NewTokens(sim.TokensConfig{})
	must(t, err)
	c.change = func(s *sim.SiteConfig) {
		at := sim.Place{Host: officeCloud, HTTPSAddr: officeCloud + ":0"}
		s.Cloud = &sim.CloudPlace{Service: at, Storage: at, Tokens: tokens}
	}
	c.extra = func(o *office) string {
		return fmt.Sprintf("listeners: [{name: machine, address: '$PROXY', connect_ports: [%[1]s, %[2]s]}]\n"+
			"interception: {ca_directory: '$DIR/ca', hosts: [%[3]s]}\ncloud: {blob_hosts: [%[3]s]}\n"+
			"cloud_management_gateways: ['%[3]s:%[1]s']\n",
			portOf(t, o.site.Cloud.URL("https")), portOf(t, o.site.Storage.URL("https")), officeCloud)
	}
	o = prepareOffice(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), c)
	o.name(t, sim.Source{Cloud: o.site.Cloud})
	o.run("ca", "init", "--config", o.path("branchpoint.yaml"))
	pem, err := os.ReadFile(o.path("ca/ca.pem"))
	must(t, err)
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's certificate is none")
	}
	o.start(o.command())
	return o, roots
}

// fromCloud has clients download a content from a place in the cloud. They have no token.
func (o *office) fromCloud(roots *x509.CertPool, at sim.CloudLocation, what string, change func(*sim.CloudConfig)) {
	c := sim.CloudConfig{BITS: sim.BITSConfig{ClientConfig: o.client(), RetryDelay: 10 * time.Millisecond, MaxRetries: 3}}
	c.BITS.RootCAs = roots
	if change != nil {
		change(&c)
	}
	var wg sync.WaitGroup
	for n := range count(20, 3) {
		client, err := sim.NewCloudClient(c)
		must(o.t, err)
		wg.Go(func() { expectSmooth(o.t, fmt.Sprintf("client %d, %s", n, what), client.Download(o.t.Context(), at)) })
	}
	wg.Wait()
}

// colleague is the client agent of the machine. It is known to the site by an identity of its own, and asks through the box.
type colleague struct {
	*office
	mp *ccm.Client
}

// newColleague registers the client agent.
func (o *office) newColleague(kind sim.MachineKind) *colleague {
	t := o.t
	t.Helper()
	machine, err := sim.NewMachine(kind, "AGENT1")
	must(t, err)
	certificate := machine.SelfSigned
	who, err := ccm.NewIdentity(ccm.IdentityConfig{Key: certificate.PrivateKey.(crypto.Signer), Certificate: certificate.Certificate[0]})
	must(t, err)
	transport, err := ccm.NewTransport(ccm.TransportConfig{Proxy: http.ProxyURL(o.proxy)})
	must(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	mp, err := ccm.New(ccm.Config{
		URL: o.site.ManagementPoint.URL("http"), SiteCode: o.site.ManagementPoint.SiteCode(), Host: machine.Name, Identity: who, Transport: transport,
		DPToken: ccm.DPTokenSettings{Decode: ccm.Decoding(o.config.form.decode())},
	})
	must(t, err)
	answer, err := mp.Register(t.Context())
	must(t, err)
	who, err = who.WithSMSID(answer.SMSID)
	must(t, err)
	must(t, o.site.ManagementPoint.Approve(machine.Name))
	return &colleague{o, mp.As(who)}
}

// locate asks where a content is. The box reads the answer as it passes by.
func (c *colleague) locate(segment string) sim.CloudLocation {
	c.t.Helper()
	content, err := ccm.ParseContent(segment, 0)
	must(c.t, err)
	found, err := c.mp.Locate(c.t.Context(), content, ccm.Place{})
	must(c.t, err)
	if len(found.List) != 1 || !found.List[0].Cloud || found.List[0].Token.IsZero() {
		c.t.Fatalf("%s is at %d places, want one in the cloud, with a token", segment, len(found.List))
	}
	return sim.CloudLocation{URL: sim.NewSecret(found.List[0].Target())}
}
