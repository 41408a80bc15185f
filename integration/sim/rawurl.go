package sim

import (
	"fmt"
	"net"
	"strings"
)

// splitURL cuts a URL into scheme, host and raw target. Nothing is re-encoded.
func splitURL(raw string) (scheme, host, target string, err error) {
	scheme, rest, found := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "http" && scheme != "https" {
		return "", "", "", fmt.Errorf("%q is neither an http nor an https URL", raw)
	}
	host, target = rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	return scheme, host, target, nil
}

// checkResolve refuses a map of addresses that would never match, or lead nowhere.
func checkResolve(places map[string]string) error {
	for from, to := range places {
		for _, addr := range []string{from, to} {
			if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
				return fmt.Errorf("resolve %q as %q: %q is not a host with a port", from, to, addr)
			}
		}
		if from != strings.ToLower(from) {
			return fmt.Errorf("resolve %q: it is not in lower case", from)
		}
	}
	return nil
}

// hostPort adds the default port where there is none.
func hostPort(scheme, host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
