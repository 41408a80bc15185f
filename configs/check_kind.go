package configs

import (
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
)

// checkKind looks at what only listeners of one kind have.
func (c *Config) checkKind(i int, found *findings) {
	l, path := c.Listeners[i], index("listeners", i)
	if !found.oneOf(path+".kind", "kind", l.Kind, KindForward, KindGateway, KindTransparent) {
		return
	}
	found.platform(path+".kind", l.Kind, runtime.GOOS)
	if l.Kind != KindForward {
		notFor(found, path+".connect_ports", len(l.ConnectPorts) > 0, KindForward, l.Kind)
	}
	if l.Kind == KindTransparent {
		notFor(found, path+".allow_hosts", len(l.AllowHosts) > 0, KindForward+" or "+KindGateway, l.Kind)
	}
	if l.Kind != KindGateway {
		notFor(found, path+".distribution_point", l.DistributionPoint != "", KindGateway, l.Kind)
		notFor(found, path+".tls", !l.TLS.isZero(), KindGateway, l.Kind)
		return
	}
	if found.required(path+".distribution_point", l.DistributionPoint, "the host of one of the distribution_points") {
		c.checkGateway(path+".distribution_point", l, found)
	}
	l.TLS.check(path+".tls", found)
}

// notFor reports a setting that listeners of another kind do not have.
func notFor(found *findings, path string, given bool, kind, other string) {
	if given {
		found.bad(path, "this is for kind %s only, and the kind is %s; remove it", kind, other)
	}
}

// platform reports a kind that an operating system cannot do.
func (f *findings) platform(path, kind, goos string) {
	if kind == KindTransparent && goos != "linux" {
		f.bad(path, "a transparent listener needs Linux, the only system that tells where a redirected connection was going; "+
			"write kind: forward and point clients at it, or kind: gateway")
	}
}

// checkGateway wants the one distribution point that a gateway stands for.
func (c *Config) checkGateway(path string, l Listener, found *findings) {
	switch points := c.pointsNamed(l.DistributionPoint); len(points) {
	case 1:
	case 0:
		c.unknownPoint(path, l.DistributionPoint, found)
	default:
		found.bad(path, "%s is the host of several distribution_points; write %s", l.DistributionPoint, places(points))
	}
}

// unknownPoint reports a name that is no distribution point's, and what may be meant: of a host that has several, each.
func (c *Config) unknownPoint(path, name string, found *findings) {
	var hosts, names []string
	for _, dp := range c.DistributionPoints {
		host := hostOf(dp.URL)
		hosts = append(hosts, host)
		if len(c.pointsNamed(host)) > 1 {
			host = places([]DistributionPoint{dp})
		}
		names = append(names, host)
	}
	near := closest(name, distinct(hosts))
	switch points := c.pointsNamed(near); {
	case len(names) == 0:
		found.bad(path, "%q has no entry in distribution_points; add - url: http://%[1]s there", name)
	case near != "" && len(points) > 1:
		found.bad(path, "unknown distribution point %.64q; did you mean %s?", name, places(points))
	default:
		found.bad(path, "%s", unknown("distribution point", name, distinct(names)))
	}
}

// places names distribution points by host and port.
func places(points []DistributionPoint) string {
	var list []string
	for _, dp := range points {
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(withPort(dp.URL), "http://"), "https://"))
	}
	return strings.Join(list, " or ")
}

// pointsNamed returns the distribution points of a host, or the one of a host and port.
func (c *Config) pointsNamed(name string) (points []DistributionPoint) {
	for _, dp := range c.DistributionPoints {
		u, err := url.Parse(withPort(dp.URL))
		if err == nil && (name == u.Host || name == hostOf(dp.URL) || name == "["+hostOf(dp.URL)+"]") {
			points = append(points, dp)
		}
	}
	return points
}

// Behind returns the distribution point that a gateway listener stands for.
func (c *Config) Behind(l Listener) DistributionPoint {
	if points := c.pointsNamed(l.DistributionPoint); l.Kind == KindGateway && len(points) == 1 {
		return points[0]
	}
	return DistributionPoint{}
}

func (t ListenerTLS) check(path string, found *findings) {
	switch {
	case len(t.Names) > 0 && (t.CertificateFile != "" || t.KeyFile != ""):
		found.bad(path+".names", "the certificate comes from a file or, with names, from our own authority; keep one of them")
	case t.CertificateFile != "" && t.KeyFile == "":
		found.bad(path+".key_file", "certificate_file needs this too; write the path of the private key")
	case t.CertificateFile == "" && t.KeyFile != "":
		found.bad(path+".certificate_file", "key_file needs this too; write the path of the certificate")
	}
	for i, name := range t.Names {
		if at := index(path+".names", i); !found.credentials(at, name) && !isName(name) {
			found.bad(at, "%q is not a name; write dp.branch.example.com", name)
		} else if slices.Contains(t.Names[:i], name) {
			found.bad(at, "%s is there twice; keep one", name)
		}
	}
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
