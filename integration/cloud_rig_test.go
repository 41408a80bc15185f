package integration

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// cloudRig is a site with a cloud, and a box that sees into HTTPS to it.
type cloudRig struct {
	*box
	site  *sim.Site
	file  *sim.File
	roots *x509.CertPool // what the clients trust: the box's authority and nobody else
	doors map[string]*box

	counted int64 // manifests
}

// newCloudRig starts a site whose content has one large file and some small ones, and a box with a listener of each entitlement
// and what extra adds to its configuration.
func newCloudRig(t testing.TB, size int64, place sim.CloudPlace, link *sim.LinkConfig, extra string) *cloudRig {
	t.Helper()
	lib := sim.NewLibrary()
	v, err := lib.Publish(app, sim.FileSpec{Path: "media/Install.wim", Size: size}, sim.FileSpec{Path: "setup.exe", Size: size / 7},
		sim.FileSpec{Path: "data/100% sure; a+b & c #1.dat", Size: 70_001}, sim.FileSpec{Path: "data/empty.flag"})
	must(t, err)
	file, ok := v.File("media/Install.wim")
	if !ok {
		t.Fatal("the file is not there")
	}
	site, err := sim.StartSite(sim.SiteConfig{Library: lib, Cloud: &place, Link: link})
	must(t, err)
	t.Cleanup(func() { site.Close() })
	r := &cloudRig{site: site, file: file, roots: x509.NewCertPool(), doors: map[string]*box{}}
	ports := portOf(t, site.Cloud.URL("https")) + ", " + portOf(t, site.Storage.URL("https"))
	origin, network := freeAddress(t), freeAddress(t)
	r.box = newBox(t, site.CA, nil, fmt.Sprintf(`listeners:
  - {name: machine, address: '$PROXY', connect_ports: [%[1]s]}
  - {name: origin, address: '%[2]s', entitlement: origin, connect_ports: [%[1]s]}
  - {name: network, address: '%[3]s', entitlement: network, networks: [127.0.0.0/8], connect_ports: [%[1]s]}
interception: {ca_directory: '$DIR/ca', hosts: [127.0.0.1]}
cloud: {blob_hosts: [127.0.0.1]}
log: {level: debug}
`, ports, origin, network)+extra)
	r.run("ca", "init", "--config", filepath.Join(r.dir, "branchpoint.yaml"))
	pem, err := os.ReadFile(filepath.Join(r.dir, "ca", "ca.pem"))
	must(t, err)
	if !r.roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's certificate is none")
	}
	r.start(r.command())
	r.doors = map[string]*box{"machine": r.box, "origin": r.at(origin), "network": r.at(network)}
	return r
}

func portOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	_, port, err := net.SplitHostPort(u.Host)
	must(t, err)
	return port
}

// through returns an HTTP client that goes through one of the box's listeners, by tunnels that are seen into.
func (r *cloudRig) through(door string) *http.Client {
	client := r.doors[door].client()
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.roots}
	return client
}

// straight returns one that trusts the site and asks it without the box.
func (r *cloudRig) straight() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.site.CA.Pool()}}}
}

// sign makes a URL of the large file.
func (r *cloudRig) sign(holder string, life time.Duration) string {
	r.t.Helper()
	secret, err := r.site.Storage.Sign(r.file, holder, life)
	must(r.t, err)
	return secret.Reveal()
}

// fromCloud returns what the cloud has sent of the contents' bytes since the last call.
func (r *cloudRig) fromCloud() int64 {
	sent := r.site.Counters.Bytes()
	r.site.Counters.Reset()
	return sent
}

// cloudClient is a client of the cloud behind a listener.
func (r *cloudRig) cloudClient(door string, change func(*sim.CloudConfig)) *sim.CloudClient {
	r.t.Helper()
	c := sim.CloudConfig{BITS: sim.BITSConfig{
		ClientConfig: sim.ClientConfig{Library: r.site.Library, Proxy: r.doors[door].proxy, RootCAs: r.roots},
		RetryDelay:   10 * time.Millisecond, MaxRetries: 3,
	}}
	if change != nil {
		change(&c)
	}
	client, err := sim.NewCloudClient(c)
	must(r.t, err)
	return client
}

// guid is the name of the nth client.
func guid(n int) string { return fmt.Sprintf("0a0a0a0a-0000-4000-8000-%012d", n) }

// manifests returns how many the cloud has made since the last call.
func (r *cloudRig) manifests() (n int64) {
	for _, e := range r.site.Log.Entries() {
		if strings.HasSuffix(e.Stem, "getcontentxmlsecure") && e.Status == http.StatusOK {
			n++
		}
	}
	made := n - r.counted
	r.counted = n
	return made
}

// ask sends one request.
func ask(t testing.TB, client *http.Client, method, target string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	must(t, err)
	resp, err := client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp.StatusCode, resp.Header, body}
}
