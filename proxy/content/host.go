package content

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// HostPort returns the authority of a URL as host:port, the one spelling by which a server is compared: lower case, no dot of
// the root at the end, an address in its shortest form, and the port always present, without zeros in front. scheme is "http"
// or "https", in lower case. The second result is false for another scheme and for what is not a plain host: user information,
// zones, and letters that a DNS name does not have.
func HostPort(scheme, authority string) (string, bool) {
	host, port, ok := Host(scheme, authority)
	if !ok {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}

// Host is HostPort in two pieces: an address has no brackets.
func Host(scheme, authority string) (host, port string, ok bool) {
	if port = defaultPort(scheme); port == "" {
		return "", "", false
	}
	host, given := cutPort(authority)
	if given != "" {
		n, err := strconv.ParseUint(given, 10, 16)
		if err != nil || n == 0 {
			return "", "", false
		}
		port = strconv.FormatUint(n, 10)
	}
	if host, ok = plainHost(host); !ok {
		return "", "", false
	}
	return host, port, true
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// cutPort splits at the colon of the port. A colon with nothing behind it means the default port (RFC 3986, section
// 3.2.3). An address with colons and without brackets has no port: nobody could say where it begins.
func cutPort(authority string) (host, port string) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") || authority[0] != '[' && strings.IndexByte(authority, ':') != i {
		return authority, ""
	}
	return authority[:i], authority[i+1:]
}

// plainHost returns a name or an address in lower case: a name without the dot of the root, an address without brackets and
// in its shortest form.
func plainHost(host string) (string, bool) {
	inside, bracketed := strings.CutPrefix(host, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if bracketed != closed {
		return "", false
	}
	if looksLikeAddress(inside) { // or ParseAddr would make an error for nearly every request
		if addr, err := netip.ParseAddr(inside); err == nil {
			return addr.String(), addr.Zone() == "" && (addr.Is6() || !bracketed)
		}
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name, name != "" && !strings.HasSuffix(name, ".") && only(name, hostLetter)
}

// looksLikeAddress tells whether a host may be an address: one of IPv6 has colons, and one of IPv4 ends in a digit.
func looksLikeAddress(host string) bool {
	last := len(host) - 1
	return strings.IndexByte(host, ':') >= 0 || last >= 0 && '0' <= host[last] && host[last] <= '9'
}

func hostLetter(b byte) bool { return alphanumeric(b) || b == '-' || b == '.' || b == '_' }
