package integration

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// hosts are where the servers of the cloud are. The gateway and each cloud distribution point have a name of their own, as they have
// in a site: tokens go by names.
type hosts struct{ classic, gateway, spare string }

func (c roamingConfig) hosts() hosts {
	if c.tapped {
		return hosts{"127.0.0.5", "127.0.0.6", "127.0.0.7"}
	}
	return hosts{"127.0.0.1", "127.0.0.2", "127.0.0.3"}
}

// hidden is where servers are behind a tap.
const hidden = "127.0.0.8"

// at is where a server listens that is known by a host. A gateway that asks for certificates cannot be tapped.
func (c roamingConfig) at(host string) sim.Place {
	if c.tapped && !(c.pki && host == c.hosts().gateway) {
		return sim.Place{Host: host, HTTPSAddr: hidden + ":0"}
	}
	return sim.Place{Host: host, HTTPSAddr: host + ":0"}
}

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
	broken              atomic.Bool // the lists of the spare one lack their end

	taps       []*tap
	keys       string       // a directory of its own: nothing else is to hold secrets
	secrets    []secretFile // what the machine authenticates with
	said       []string     // by the verbs that made the machine known
	registered asked        // when it had just registered
}

// roamingConfig says what kind of machine roams, and how.
type roamingConfig struct {
	kind    sim.MachineKind
	segment string // of the content that the row is about, where it is about one
	// pki gives it a certificate of the site's public key infrastructure. enrolled gives it an application in Entra.
	pki, enrolled bool
	delivery      sim.TokenDelivery
	decode        string          // the same in the words of the configuration
	link          *sim.LinkConfig // to each server of the site
	tapped        bool            // all that passes between the box and the cloud is kept
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
	r := &roaming{roots: x509.NewCertPool(), keys: t.TempDir()}
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
	at := c.hosts()
	r.classic.tokens, r.own.tokens, r.spare.tokens = tokens(), tokens(), tokens()
	var err error
	r.site, err = sim.StartSite(sim.SiteConfig{
		Library: lib, Link: c.link, Entra: &sim.EntraPlace{Place: c.at(at.classic)},
		Cloud:           &sim.CloudPlace{Service: c.at(at.classic), Storage: c.at(at.classic), Tokens: r.classic.tokens},
		ManagementPoint: &sim.MPPlace{Config: sim.ManagementPointConfig{MPSettings: sim.MPSettings{Delivery: c.delivery}}},
		Gateway: &sim.GatewayPlace{Place: c.at(at.gateway), Storage: c.at(at.gateway),
			Config: sim.GatewayConfig{Content: &sim.ContentServiceConfig{Tokens: r.own.tokens}}},
	})
	must(t, err)
	t.Cleanup(func() { r.site.Close() })
	r.classic.name, r.classic.service, r.classic.storage = r.site.Storage.Name(), r.site.Cloud, r.site.Storage
	r.own.name, r.own.service, r.own.storage = r.site.GatewayStorage.Name(), r.site.Gateway.Content, r.site.GatewayStorage
	r.startSpare(t, c.at(at.spare), c.link)
	must(t, r.site.ManagementPoint.Change(func(s *sim.MPSettings) {
		s.Sources = []sim.Source{{Cloud: r.classic.service}, {Cloud: r.own.service}, {Cloud: r.spare.service}}
	}))
	if c.tapped {
		r.tap(t, at)
	}
}

// tap listens in on everything in the cloud.
func (r *roaming) tap(t testing.TB, at hosts) {
	t.Helper()
	for name, server := range map[string]struct{ host, behind string }{
		"Entra": {at.classic, r.site.Entra.Address("https")}, "gateway": {at.gateway, r.site.Gateway.Address("https")},
		"classic service": {at.classic, r.classic.service.Address("https")}, "classic storage": {at.classic, r.classic.storage.Address("https")},
		"gateway's storage": {at.gateway, r.own.storage.Address("https")}, "spare service": {at.spare, r.spare.service.Address("https")},
		"spare storage": {at.spare, r.spare.storage.Address("https")},
	} {
		if strings.HasPrefix(server.behind, server.host+":") {
			continue
		}
		r.taps = append(r.taps, startTap(t, name, r.site.CA, server.host, server.behind))
	}
}

func (r *roaming) startSpare(t testing.TB, at sim.Place, far *sim.LinkConfig) {
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
		Name: r.spare.name, Host: at.Host, Addr: at.HTTPSAddr, Library: s.Library, CA: s.CA, Counters: s.Counters, Log: s.Log,
		Link: link,
	})
	must(t, err)
	must(t, r.spare.storage.Start())
	t.Cleanup(func() { r.spare.storage.Close() })
	r.spare.service, err = sim.NewContentService(sim.ContentServiceConfig{
		Name: "spare", Host: at.Host, Addr: at.HTTPSAddr, CA: s.CA, Storage: r.spare.storage, Tokens: r.spare.tokens,
		Write:    r.writeList,
		Counters: s.Counters, Log: s.Log,
	})
	must(t, err)
	must(t, r.spare.service.Start())
	t.Cleanup(func() { r.spare.service.Close() })
}

// writeList writes the lists of the spare one, with the signed URLs of their blobs.
func (r *roaming) writeList(w io.Writer, files []sim.CloudFile) error {
	var list bytes.Buffer
	if err := sim.WriteCloudManifest(&list, files); err != nil {
		return err
	}
	if r.broken.Load() {
		list.Truncate(list.Len() - 20)
	}
	_, err := list.WriteTo(w)
	return err
}

// clouds lists the cloud distribution points in the order in which the site names them.
func (r *roaming) clouds() []cloudDP { return []cloudDP{r.classic, r.own, r.spare} }

// config is the path of one of the box's configurations.
func (r *roaming) config(name string) string { return filepath.Join(r.dir, name) }

// cloudYAML is what the configuration of every roaming machine says of the cloud.
func (r *roaming) cloudYAML(t testing.TB, at hosts) string {
	var ports, services []string
	for _, c := range r.clouds() {
		services = append(services, strings.TrimPrefix(c.service.URL("https"), "https://"))
		ports = append(ports, portOf(t, c.service.URL("https")), portOf(t, c.storage.URL("https")))
	}
	names := strings.Join([]string{at.classic, at.gateway, at.spare}, ", ")
	slices.Sort(ports)
	ports = slices.Compact(ports) // servers of two hosts may have the same
	return fmt.Sprintf(`listeners: [{name: machine, address: '$PROXY', connect_ports: [%s]}]
interception: {ca_directory: '$DIR/ca', hosts: [%[2]s]}
cloud: {blob_hosts: [%[2]s]}
cloud_management_gateways: ['%s']
log: {level: debug}
`, strings.Join(ports, ", "), names, strings.Join(services, "', '"))
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
