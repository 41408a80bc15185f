package integration

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// The gateway and each cloud distribution point have a name of their own, as they have in a site: tokens go by names.
const (
	classicHost = "127.0.0.1"
	gatewayHost = "127.0.0.2"
	spareHost   = "127.0.0.3"
)

// cloudDP is a cloud distribution point: a content service, and the storage that its lists lead to. Each takes its own tokens only.
type cloudDP struct {
	name    string // of the storage in counters
	service *sim.ContentService
	storage *sim.Storage
	tokens  *sim.Tokens
}

// roaming is a machine on the internet with a box on it. Of its site it reaches the gateway and three cloud distribution points: the
// management point behind the gateway is reached by the gateway alone, and the others by nobody.
type roaming struct {
	*box
	site    *sim.Site
	machine sim.Machine
	// roots are what the clients trust: the box's authority, and the site's. The box does not see into connections to the gateway,
	// which asks for client certificates.
	roots *x509.CertPool
	// classic and spare are cloud distribution points of the old kind. own is the content of the gateway itself.
	classic, own, spare cloudDP

	secrets    []secretFile // what the machine authenticates with
	registered asked        // when it had just registered
}

// roamingConfig says what kind of machine roams, and how.
type roamingConfig struct {
	kind sim.MachineKind
	// pki gives it a certificate of the site's public key infrastructure. enrolled gives it an application in Entra.
	pki, enrolled bool
	delivery      sim.TokenDelivery
	decode        string          // the same in the words of the configuration
	link          *sim.LinkConfig // to each server of the site
	extra         string          // of the configuration
}

func (c roamingConfig) String() string {
	with := ""
	if c.pki {
		with = " with a PKI certificate"
	}
	return c.kind.String() + with
}

// newRoaming starts a site and a box on a machine that has registered in the way that is open to it, and that has left for the
// internet since.
func newRoaming(t testing.TB, lib *sim.Library, c roamingConfig) *roaming {
	t.Helper()
	r := &roaming{roots: x509.NewCertPool()}
	r.startSite(t, lib, c)
	onBoard(t, func() string { return r.told(c) })
	r.enter(t, c)
	r.office()
	r.run("ca", "init", "--config", r.config("branchpoint.yaml"))
	pem, err := os.ReadFile(filepath.Join(r.dir, "ca", "ca.pem"))
	must(t, err)
	if !r.roots.AppendCertsFromPEM(append(pem, r.site.CA.PEM()...)) {
		t.Fatal("the authority's certificate is none")
	}
	r.register(c)
	for _, dp := range r.site.DPs() {
		dp.Kill()
	}
	r.start(r.command())
	return r
}

func (r *roaming) startSite(t testing.TB, lib *sim.Library, c roamingConfig) {
	t.Helper()
	tokens := func() *sim.Tokens {
		set, err := sim.NewTokens(sim.TokensConfig{})
		must(t, err)
		return set
	}
	at := func(host string) sim.Place { return sim.Place{Host: host, HTTPSAddr: net.JoinHostPort(host, "0")} }
	r.classic.tokens, r.own.tokens, r.spare.tokens = tokens(), tokens(), tokens()
	var err error
	r.site, err = sim.StartSite(sim.SiteConfig{
		Library: lib, Link: c.link, Entra: &sim.EntraPlace{}, Cloud: &sim.CloudPlace{Tokens: r.classic.tokens},
		ManagementPoint: &sim.MPPlace{Config: sim.ManagementPointConfig{MPSettings: sim.MPSettings{Delivery: c.delivery}}},
		Gateway: &sim.GatewayPlace{Place: at(gatewayHost), Storage: at(gatewayHost),
			Config: sim.GatewayConfig{Content: &sim.ContentServiceConfig{Tokens: r.own.tokens}}},
	})
	must(t, err)
	t.Cleanup(func() { r.site.Close() })
	r.classic.name, r.classic.service, r.classic.storage = r.site.Storage.Name(), r.site.Cloud, r.site.Storage
	r.own.name, r.own.service, r.own.storage = r.site.GatewayStorage.Name(), r.site.Gateway.Content, r.site.GatewayStorage
	r.startSpare(t, c.link)
	must(t, r.site.ManagementPoint.Change(func(s *sim.MPSettings) {
		s.Sources = []sim.Source{{Cloud: r.classic.service}, {Cloud: r.own.service}, {Cloud: r.spare.service}}
	}))
}

func (r *roaming) startSpare(t testing.TB, far *sim.LinkConfig) {
	t.Helper()
	var err error
	s := r.site
	r.spare.name = "spare-storage"
	var link *sim.Link
	if far != nil {
		link, err = sim.NewLink(*far)
		must(t, err)
	}
	r.spare.storage, err = sim.NewStorage(sim.StorageConfig{
		Name: r.spare.name, Host: spareHost, Addr: spareHost + ":0", Library: s.Library, CA: s.CA, Counters: s.Counters, Log: s.Log,
		Link: link,
	})
	must(t, err)
	must(t, r.spare.storage.Start())
	t.Cleanup(func() { r.spare.storage.Close() })
	r.spare.service, err = sim.NewContentService(sim.ContentServiceConfig{
		Name: "spare", Host: spareHost, Addr: spareHost + ":0", CA: s.CA, Storage: r.spare.storage, Tokens: r.spare.tokens,
		Counters: s.Counters, Log: s.Log,
	})
	must(t, err)
	must(t, r.spare.service.Start())
	t.Cleanup(func() { r.spare.service.Close() })
}

// clouds lists the cloud distribution points in the order in which the site names them.
func (r *roaming) clouds() []cloudDP { return []cloudDP{r.classic, r.own, r.spare} }

// config is the path of one of the box's configurations.
func (r *roaming) config(name string) string { return filepath.Join(r.dir, name) }

// cloudYAML is what the configuration of every roaming machine says of the cloud.
func (r *roaming) cloudYAML(t testing.TB) string {
	var ports, services []string
	for _, c := range r.clouds() {
		services = append(services, strings.TrimPrefix(c.service.URL("https"), "https://"))
		ports = append(ports, portOf(t, c.service.URL("https")), portOf(t, c.storage.URL("https")))
	}
	hosts := strings.Join([]string{classicHost, gatewayHost, spareHost}, ", ")
	return fmt.Sprintf(`listeners: [{name: machine, address: '$PROXY', connect_ports: [%s]}]
interception: {ca_directory: '$DIR/ca', hosts: [%[2]s]}
cloud: {blob_hosts: [%[2]s]}
cloud_management_gateways: ['%s']
log: {level: debug}
`, strings.Join(ports, ", "), hosts, strings.Join(services, "', '"))
}

// job is a client's download from a cloud distribution point, with a token of its own.
type job struct {
	client *sim.CloudClient
	at     sim.CloudLocation
}

// newJob makes the nth client of a content. change may be nil.
func (r *roaming) newJob(at cloudDP, segment string, n int, change func(*sim.CloudConfig)) job {
	r.t.Helper()
	c := sim.CloudConfig{BITS: sim.BITSConfig{
		ClientConfig: sim.ClientConfig{
			Library: r.site.Library, Proxy: r.proxy, RootCAs: r.roots, Token: at.tokens.Issue(time.Hour), IdleTimeout: time.Minute,
		},
		RetryDelay: 10 * time.Millisecond, MaxRetries: 3,
	}}
	if change != nil {
		change(&c)
	}
	client, err := sim.NewCloudClient(c)
	must(r.t, err)
	return job{client, at.service.Locate(guid(n), segment)}
}

// run downloads the content. The first of the results is that of its first file.
func (j job) run(t testing.TB) sim.ContentResult { return j.client.Download(t.Context(), j.at) }

// expectSmooth fails the test when a client has noticed anything.
func expectSmooth(t testing.TB, what string, r sim.ContentResult) {
	t.Helper()
	if r.Err != nil || len(r.Troubles) > 0 || r.ManifestTries != 1 {
		t.Errorf("%s: %v; lists: %d; troubles: %v", what, r.Err, r.ManifestTries, r.Troubles)
	}
	for _, f := range r.Files {
		if f.Retries+f.Restarts+f.Renewals > 0 || len(f.Troubles) > 0 {
			t.Errorf("%s: %s: %d retries, %d restarts, %d renewals: %v", what, f.URL, f.Retries, f.Restarts, f.Renewals, f.Troubles)
		}
	}
}

// sent returns how many bytes each storage has sent since the last call.
func (r *roaming) sent() map[string]int64 {
	by := r.site.Counters.BytesBy()
	r.site.Counters.Reset()
	return by
}

// logged counts the lines of the box's log with a text.
func (r *roaming) logged(text string) int { return strings.Count(r.log.String(), text) }
