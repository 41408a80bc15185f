package configs

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// Interception says which HTTPS connections the proxy sees into. It sees into none as long as its directory holds no
// certificate authority, which `branchpoint ca init` makes.
type Interception struct {
	// CADirectory holds the certificate authority of this machine. Default: branchpoint/ca in the user's configuration
	// directory; without such a directory, ca beside the cache directory.
	CADirectory string `yaml:"ca_directory"`
	// Hosts are names besides those of the distribution points and cloud management gateways: host or *.suffix. A transparent
	// listener sees only into those without "*.", and passes on what is for any other. Default none.
	Hosts []string `yaml:"hosts"`
	// TunnelHosts are never seen into: host or *.suffix. They win over everything else. Default none.
	TunnelHosts []string `yaml:"tunnel_hosts"`
}

// Cloud says what is known of content in the cloud.
type Cloud struct {
	// BlobHosts are storage services whose signed URLs name content: host or *.suffix. The clients of every listener may reach
	// those that are named in full. Their HTTPS is seen into where the certificate authority covers it, which the names in
	// Interception.Hosts have to see to. Default *.blob.core.windows.net. An empty list: none.
	BlobHosts []string `yaml:"blob_hosts"`
	// Manifest says how a list of content in the cloud is read.
	Manifest CloudManifest `yaml:"manifest"`
}

// CloudManifest says where the list of a content's files, which a cloud distribution point gives, has what. The form of the
// list is not public; the default is a guess. Each is a path: Root/Child, //Name, and @Attribute or Child below File.
type CloudManifest struct {
	// File is each file. Default //File.
	File string `yaml:"file"`
	// Path is its path in the content, Size its length in bytes, URL the signed URL of its blob. Default @Path, @Size, @Url.
	Path string `yaml:"path"`
	Size string `yaml:"size"`
	URL  string `yaml:"url"`
}

// InterceptedNames are the hosts, without ports, whose HTTPS the proxy may see into: the distribution points, their token
// endpoints, the cloud management gateways and interception.hosts, in lower case, sorted, each once. Some begin with "*.".
func (c *Config) InterceptedNames() []string {
	names := slices.Clone(c.Interception.Hosts)
	for _, dp := range c.DistributionPoints {
		names = append(names, hostOf(dp.URL), hostOf(dp.TokenURL))
	}
	for _, gateway := range c.CloudManagementGateways {
		names = append(names, hostOf("https://"+gateway))
	}
	if c.Site.On() {
		names = append(names, hostOf(c.Site.Gateway))
	}
	return distinct(names)
}

// AuthorityNames are the names that our certificate authority has to cover: InterceptedNames and the aliases that gateway
// listeners have certificates for.
func (c *Config) AuthorityNames() []string {
	names := c.InterceptedNames()
	for _, l := range c.Listeners {
		names = append(names, l.TLS.Names...)
	}
	return distinct(names)
}

func distinct(names []string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	slices.Sort(names)
	return slices.Compact(names)
}

// hostOf returns the host of a URL without its port and brackets.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (c *Config) checkInterception(found *findings) {
	if c.Cache.Directory != "" {
		found.required("interception.ca_directory", c.Interception.CADirectory, "the path of a directory")
	}
	found.patterns("interception.hosts", c.Interception.Hosts)
	found.patterns("interception.tunnel_hosts", c.Interception.TunnelHosts)
	for i, host := range c.Interception.TunnelHosts {
		if at := slices.Index(c.Interception.Hosts, host); at >= 0 {
			found.bad(index("interception.tunnel_hosts", i), "%s is interception.hosts[%d] too; keep one", host, at)
		}
	}
	found.patterns("cloud.blob_hosts", c.Cloud.BlobHosts)
	m := c.Cloud.Manifest
	found.required("cloud.manifest.file", m.File, "a path such as //File")
	found.required("cloud.manifest.path", m.Path, "a path such as @Path")
	found.required("cloud.manifest.size", m.Size, "a path such as @Size")
	found.required("cloud.manifest.url", m.URL, "a path such as @Url")
	for i, gateway := range c.CloudManagementGateways {
		at := index("cloud_management_gateways", i)
		if !found.credentials(at, gateway) && !isHostPort(gateway) {
			found.bad(at, "%q is not a host; write cmg.example.com", gateway)
		}
	}
	found.positive("tunnel_idle_timeout", c.TunnelIdleTimeout)
}

// patterns wants names without ports, some of which begin with "*.".
func (f *findings) patterns(path string, hosts []string) {
	for i, host := range hosts {
		if at := index(path, i); !f.credentials(at, host) && !isName(strings.TrimPrefix(host, "*.")) {
			f.bad(at, "%q is not a name; write host.example.com or *.example.com", host)
		}
	}
}

// isName recognizes a DNS name, or an IP address without brackets.
func isName(name string) bool { return net.ParseIP(name) != nil || isDNSName(name) }
